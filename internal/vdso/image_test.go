package vdso

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// names of the functions in an image that is made up, in the order of its symbols. The first symbol
// of ELF is no symbol.
var names = []string{"", "__vdso_time", "__vdso_clock_gettime", "undefined", "__vdso_getcpu"}

const (
	madeStrings = 0x200
	madeSymbols = 0x300
	madeHash    = 0x400
	madeDynamic = 0x500
	madeSize    = 0x800
)

// made is an image with the given hash table.
func made(tag uint64, table []uint32) image {
	m := make(image, madeSize)
	put := func(at int, size int, value uint64) {
		for i := range size {
			m[at+i] = byte(value >> (8 * i))
		}
	}
	copy(m, "\x7fELF\x02\x01")
	put(32, 8, headerSize) // e_phoff
	put(54, 2, segmentSize)
	put(56, 2, 2)
	load, dynamic := headerSize, headerSize+segmentSize
	put(load, 4, segmentLoad)
	put(load+40, 8, madeSize) // p_memsz
	put(dynamic, 4, segmentDynamic)
	put(dynamic+16, 8, madeDynamic)
	for i, entry := range [][2]uint64{{tagStrings, madeStrings}, {tagSymbols, madeSymbols}, {tag, madeHash}, {tagEnd, 0}} {
		put(madeDynamic+16*i, 8, entry[0])
		put(madeDynamic+16*i+8, 8, entry[1])
	}
	name := 0
	for i, n := range names {
		copy(m[madeStrings+name:], n)
		put(madeSymbols+symbolSize*i, 4, uint64(name))
		if n != "undefined" {
			put(madeSymbols+symbolSize*i+6, 2, 12) // st_shndx
		}
		put(madeSymbols+symbolSize*i+8, 8, uint64(0x100+i))
		name += len(n) + 1
	}
	for i, word := range table {
		put(madeHash+4*i, 4, uint64(word))
	}
	return m
}

// hashTable has the number of chains, which is that of the symbols; gnuTable has two buckets, of
// chains that begin with the symbols 1 and 3 and end with 2 and 4, and a filter of one word. Newer
// kernels have the latter alone.
var (
	hashTable = []uint32{1, 5}
	gnuTable  = []uint32{2, 1, 1, 0, 0, 0, 1, 3, 8, 9, 8, 9}
)

func TestFunctionIsFoundByEitherHashTable(t *testing.T) {
	for tag, table := range map[uint64][]uint32{tagHash: hashTable, tagGNUHash: gnuTable} {
		m := made(tag, table)
		extent, err := m.extent()
		require.NoError(t, err)
		require.EqualValues(t, madeSize, extent)
		for i, name := range names {
			if name == "" || name == "undefined" {
				continue
			}
			offset, err := m.function(name)
			require.NoError(t, err, name)
			require.EqualValues(t, 0x100+i, offset)
		}
		for _, missing := range []string{"undefined", "__vdso_clock", "__vdso_clock_gettime64"} {
			_, err := m.function(missing)
			require.EqualError(t, err, "the vDSO has no function "+missing)
		}
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	for _, m := range []image{nil, {}, make(image, 4096), made(tagHash, hashTable)[:headerSize+10], image("\x7fELF\x01\x01" + string(make([]byte, 100)))} {
		_, err := m.extent()
		require.ErrorIs(t, err, errImage)
		_, err = m.function("__vdso_time")
		require.ErrorIs(t, err, errImage)
	}
	empty := made(tagHash, hashTable)
	binary.LittleEndian.PutUint64(empty[madeDynamic:], tagEnd)
	_, err := empty.function("__vdso_time")
	require.EqualError(t, err, "the vDSO has no function __vdso_time")
}

// Whatever the bytes are, nothing outside them is read and nothing goes on for ever.
func FuzzImage(f *testing.F) {
	f.Add([]byte(made(tagHash, hashTable)))
	f.Add([]byte(made(tagGNUHash, gnuTable)))
	f.Fuzz(func(t *testing.T, content []byte) {
		m := image(content)
		_, _ = m.extent()
		if offset, err := m.function("__vdso_clock_gettime"); err == nil && offset >= uint64(len(m)) {
			t.Fatalf("the function begins at %d of %d bytes", offset, len(m))
		}
	})
}
