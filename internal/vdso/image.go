package vdso

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// Of ELF, "System V Application Binary Interface", chapters 4 and 5, for 64-bit little-endian
// objects.
const (
	headerSize  = 64
	segmentSize = 56 // of a program header
	dynamicSize = 16
	symbolSize  = 24

	segmentLoad    = 1 // PT_LOAD
	segmentDynamic = 2 // PT_DYNAMIC

	tagEnd     = 0          // DT_NULL
	tagHash    = 4          // DT_HASH
	tagStrings = 5          // DT_STRTAB
	tagSymbols = 6          // DT_SYMTAB
	tagGNUHash = 0x6ffffef5 // DT_GNU_HASH, which newer kernels have alone

	maxSymbols = 1024 // of an image; there are about a dozen
)

var errImage = errors.New("the vDSO is not an ELF image that can be read")

// image is an ELF object as it is mapped, from its first byte on. debug/elf would read it, too, and
// make every program half a megabyte larger.
type image []byte

// bytes returns size bytes at an offset, or nil if the image has not as many.
func (m image) bytes(offset, size uint64) image {
	if offset > uint64(len(m)) || size > uint64(len(m))-offset {
		return nil
	}
	return m[offset : offset+size]
}

// word returns the eight bytes at an offset, or 0 where there are none.
func (m image) word(offset uint64) uint64 {
	if b := m.bytes(offset, 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (m image) half(offset uint64) uint32 {
	if b := m.bytes(offset, 4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (m image) quarter(offset uint64) uint16 {
	if b := m.bytes(offset, 2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// segments calls f with each program header.
func (m image) segments(f func(header image)) error {
	if len(m) < headerSize || !bytes.HasPrefix(m, []byte("\x7fELF\x02\x01")) || m.quarter(54) != segmentSize {
		return errImage
	}
	for i := range uint64(m.quarter(56)) {
		header := m.bytes(m.word(32)+i*segmentSize, segmentSize)
		if header == nil {
			return errImage
		}
		f(header)
	}
	return nil
}

// extent returns how many bytes are mapped, as the first page says.
func (m image) extent() (size uint64, err error) {
	err = m.segments(func(header image) {
		if end := header.word(16) + header.word(40); header.half(0) == segmentLoad {
			size = max(size, end)
		}
	})
	return size, err
}

// function returns the offset at which the function of a name begins.
func (m image) function(name string) (uint64, error) {
	tags := map[uint64]uint64{}
	err := m.segments(func(header image) {
		if header.half(0) != segmentDynamic {
			return
		}
		for at := header.word(16); m.bytes(at, dynamicSize) != nil && m.word(at) != tagEnd; at += dynamicSize {
			tags[m.word(at)] = m.word(at + 8)
		}
	})
	if err != nil {
		return 0, err
	}
	for i := range m.symbols(tags) {
		symbol := m.bytes(tags[tagSymbols]+i*symbolSize, symbolSize)
		if symbol == nil {
			break
		}
		defined, value := symbol.quarter(6) != 0, symbol.word(8)
		if defined && m.hasName(tags[tagStrings]+uint64(symbol.half(0)), name) && value < uint64(len(m)) {
			return value, nil
		}
	}
	return 0, errors.New("the vDSO has no function " + name)
}

func (m image) hasName(at uint64, name string) bool {
	return bytes.Equal(m.bytes(at, uint64(len(name))+1), append([]byte(name), 0))
}

// symbols returns how many symbols there are, which only the hash tables tell.
func (m image) symbols(tags map[uint64]uint64) uint64 {
	if at, ok := tags[tagHash]; ok {
		return min(uint64(m.half(at+4)), maxSymbols)
	}
	// The GNU table has a bucket for each chain, with the chain's first symbol. The last chain ends
	// with a set lowest bit.
	at := tags[tagGNUHash]
	buckets, first, filter := uint64(m.half(at)), uint64(m.half(at+4)), uint64(m.half(at+8))
	bucketsAt := at + 16 + 8*filter
	last := uint64(0)
	for i := range min(buckets, maxSymbols) {
		last = max(last, uint64(m.half(bucketsAt+4*i)))
	}
	if last < first {
		return 0
	}
	for chain := bucketsAt + 4*buckets - 4*first; last < maxSymbols; last++ {
		if link := m.bytes(chain+4*last, 4); link == nil || link.half(0)&1 == 1 {
			break
		}
	}
	return last + 1
}
