package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	memoMax    = 1 << 20 // hashes of nodes that are kept
)

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// openCheckpoint verifies the signature and splits the text itself: tlog.ParseTree wants the header
// of Go's own log, and a checkpoint may carry more lines ("state", "sm3") after its three.
func openCheckpoint(data []byte, verifier note.Verifier) (checkpoint, error) {
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return checkpoint{}, errors.New("want origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, fmt.Errorf("size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return checkpoint{}, fmt.Errorf("root: %w", err)
	}
	want := *origin
	if want == "" {
		want = verifier.Name()
	}
	if lines[0] != want {
		return checkpoint{}, fmt.Errorf("origin %q is not %q", lines[0], want)
	}
	return checkpoint{origin: lines[0], size: size, root: root}, nil
}

// A log reads tiles without trusting them: every proof made from them is checked against the root.
type log struct {
	source fetcher
	head   checkpoint
	tiles  map[tlog.Tile][]byte
	nodes  map[int64]tlog.Hash // by tlog's index of stored hashes
}

func newLog(source fetcher, head checkpoint) *log {
	return &log{source, head, map[tlog.Tile][]byte{}, map[int64]tlog.Hash{}}
}

// path is Tile.Path without the height, which tlog-tiles fixes at 8; entries are at level -1.
func path(t tlog.Tile) string {
	p := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", t.H))
	if t.L == -1 {
		p = "entries" + strings.TrimPrefix(p, "data")
	}
	return "tile/" + p
}

// read gives the tile of level and index as wide as the tree makes it. A partial tile may have been
// removed once the full one is there; then the full one is read.
func (l *log) read(level int, index int64) (tlog.Tile, []byte, error) {
	below := max(level, 0) * tileHeight
	width := min(l.head.size>>below-index*tileWidth, tileWidth)
	if width < 1 {
		return tlog.Tile{}, nil, fmt.Errorf("the tree has no tile %d/%d", level, index)
	}
	t := tlog.Tile{H: tileHeight, L: level, N: index, W: int(width)}
	data, err := l.source.fetch(path(t))
	if err != nil && width < tileWidth {
		full := t
		full.W = tileWidth
		if more, fullErr := l.source.fetch(path(full)); fullErr == nil {
			data, err = more, nil
			if level >= 0 && len(data) == tileWidth*tlog.HashSize {
				data = data[:width*tlog.HashSize]
			}
			if level == -1 {
				data, err = firstEntries(data, int(width))
			}
		}
	}
	if err == nil && level >= 0 && len(data) != t.W*tlog.HashSize {
		err = fmt.Errorf("%s: %d bytes, want %d", path(t), len(data), t.W*tlog.HashSize)
	}
	return t, data, err
}

// ReadHashes implements tlog.HashReader.
func (l *log) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if known, ok := l.nodes[index]; ok {
			out[i] = known
			continue
		}
		want := tlog.TileForIndex(tileHeight, index)
		key := tlog.Tile{H: tileHeight, L: want.L, N: want.N, W: tileWidth}
		data, ok := l.tiles[key]
		t := key
		t.W = min(len(data)/tlog.HashSize, tileWidth)
		if !ok {
			var err error
			if t, data, err = l.read(want.L, want.N); err != nil {
				return nil, err
			}
			l.tiles[key] = data
		}
		hash, err := tlog.HashFromTile(t, data, index)
		if err != nil {
			return nil, err
		}
		if len(l.nodes) == memoMax {
			clear(l.nodes)
		}
		l.nodes[index] = hash
		out[i] = hash
	}
	return out, nil
}

// firstEntries cuts a bundle off after count entries.
func firstEntries(bundle []byte, count int) ([]byte, error) {
	_, rest, err := splitEntries(bundle, count)
	return bundle[:len(bundle)-len(rest)], err
}

func splitEntries(bundle []byte, count int) (entries [][]byte, rest []byte, err error) {
	for range count {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, nil, fmt.Errorf("the bundle ends in entry %d", len(entries))
		}
		size := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:size])
		bundle = bundle[size:]
	}
	return entries, bundle, nil
}

// checkEntries reads every bundle of entries and checks the proof of each to the root.
func (l *log) checkEntries() error {
	if l.head.size == 0 {
		if l.head.root != sha256.Sum256(nil) {
			return fmt.Errorf("the root of the empty tree is %s",
				hex.EncodeToString(l.head.root[:]))
		}
		return nil
	}
	for index := int64(0); index*tileWidth < l.head.size; index++ {
		t, bundle, err := l.read(-1, index)
		if err != nil {
			return fmt.Errorf("entries %d: %w", index, err)
		}
		entries, rest, err := splitEntries(bundle, t.W)
		if err != nil {
			return fmt.Errorf("%s: %w", path(t), err)
		}
		if len(rest) > 0 {
			return fmt.Errorf("%s: %d bytes too many", path(t), len(rest))
		}
		if err := l.checkBundle(index*tileWidth, entries); err != nil {
			return err
		}
		// The tile of these leaves is not needed again but for consistency, which reads few.
		delete(l.tiles, tlog.Tile{H: tileHeight, L: 0, N: index, W: tileWidth})
	}
	return nil
}

// checkBundle compares all hashes with the tile before the first proof, so that an entry or leaf
// that was changed is the one that is named.
func (l *log) checkBundle(first int64, entries [][]byte) error {
	leaves := make([]tlog.Hash, len(entries))
	for i, entry := range entries {
		leaves[i] = tlog.RecordHash(entry)
		stored, err := l.ReadHashes([]int64{tlog.StoredHashIndex(0, first+int64(i))})
		if err != nil {
			return fmt.Errorf("entry %d: %w", first+int64(i), err)
		}
		if stored[0] != leaves[i] {
			return fmt.Errorf("entry %d: its hash is not the one in the tile", first+int64(i))
		}
	}
	for i, leaf := range leaves {
		index := first + int64(i)
		proof, err := tlog.ProveRecord(l.head.size, index, l)
		if err == nil {
			err = tlog.CheckRecord(proof, l.head.size, l.head.root, index, leaf)
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	return nil
}

// checkGrowth checks that the log at its head is the log of an earlier checkpoint, grown.
func (l *log) checkGrowth(old checkpoint) error {
	if old.size > l.head.size {
		return fmt.Errorf("the log had %d entries and now has %d", old.size, l.head.size)
	}
	if old.size == 0 {
		if old.root != sha256.Sum256(nil) {
			return errors.New("not the root of the empty tree")
		}
		return nil
	}
	proof, err := tlog.ProveTree(l.head.size, old.size, l)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, l.head.size, l.head.root, old.size, old.root); err != nil {
		return fmt.Errorf("%d -> %d: %w", old.size, l.head.size, err)
	}
	return nil
}
