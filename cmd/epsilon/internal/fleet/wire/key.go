package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
)

// Key is what all machines of a fleet share, and nobody else has.
type Key struct{ secret []byte }

const (
	minKey     = 32 // bytes; the length of the code (RFC 2104 section 3)
	maxKeyFile = 4096
)

// ReadKey reads a key from a file that others may not read: at least 64 hexadecimal digits, as "openssl rand -hex 32" prints them.
func ReadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return Key{}, err
	case !info.Mode().IsRegular():
		return Key{}, fmt.Errorf("%s is no regular file: give the path of one", path)
	case info.Size() > maxKeyFile:
		return Key{}, fmt.Errorf("%s is longer than %d bytes: give the path of a key", path, maxKeyFile)
	}
	if err := private(path, info); err != nil {
		return Key{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, err
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("%s %w", path, err)
	}
	return k, nil
}

// ParseKey reads a key. White space around it does not count.
func ParseKey(text string) (Key, error) {
	secret, err := hex.DecodeString(strings.TrimSpace(text))
	switch {
	case err != nil:
		return Key{}, fmt.Errorf(`has something else in it than hexadecimal digits: write one with "openssl rand -hex 32"`)
	case len(secret) < minKey:
		return Key{}, fmt.Errorf(`has a key of %d bytes, and %d are the least: write one with "openssl rand -hex 32"`, len(secret), minKey)
	}
	return Key{secret}, nil
}

// Fingerprint tells keys apart and says nothing of them.
func (k Key) Fingerprint() string {
	sum := sha256.Sum256(k.secret)
	return hex.EncodeToString(sum[:8])
}

// String keeps a key out of logs.
func (k Key) String() string { return "key " + k.Fingerprint() }
