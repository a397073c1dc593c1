// Command check verifies a log of C2SP's kind with the packages of Go's checksum database, which know nothing of
// kpledger. It reads cases from standard input, one a line, and answers each with a line: "ok", or why not.
//
//	SIZE                     all that belongs to the log at that size
//	SIZE PATH OFFSET BIT     the same, while one bit of one file is the other one
//
// Its own are the paths of files, cosignatures (type 0x04), the form of receipts, and one strictness: Go takes base64
// whose unused bits are not zero.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// A cosigner verifies signatures of type 0x04 (tlog-cosignature).
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(signed), sig[8:])
}

func newCosigner(vkey string) (cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return cosigner{}, errors.New("no vkey: " + vkey)
	}
	key, err := strict(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return cosigner{}, errors.New("no key of type 4: " + vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return cosigner{}, errors.New("the id of another key: " + vkey)
	}
	return cosigner{parts[0], hash, key[1:]}, nil
}

// A policy is one group of witnesses, as the genesis file gives it.
type policy struct {
	origin    string
	known     note.Verifiers
	cosigners map[uint32]bool
	need      int
}

func readPolicy(text string) (*policy, error) {
	p := &policy{cosigners: map[uint32]bool{}}
	var all []note.Verifier
	for _, line := range strings.Split(text, "\n") {
		switch words := strings.Fields(line); {
		case len(words) == 2 && words[0] == "log":
			v, err := note.NewVerifier(words[1])
			if err != nil {
				return nil, err
			}
			p.origin = v.Name()
			all = append(all, v)
		case len(words) == 3 && words[0] == "witness":
			v, err := newCosigner(words[2])
			if err != nil {
				return nil, err
			}
			p.cosigners[v.hash] = true
			all = append(all, v)
		case len(words) > 3 && words[0] == "group":
			p.need, _ = strconv.Atoi(words[2])
		}
	}
	p.known = note.VerifierList(all...)
	return p, nil
}

// open verifies a checkpoint: its form, the log's signature, and the quorum.
func (p *policy) open(msg []byte) (tree tlog.Tree, err error) {
	n, err := note.Open(msg, p.known)
	if err != nil {
		return tree, err
	}
	isLog, count := false, 0
	for _, sig := range n.Sigs {
		if _, err := strict(sig.Base64); err != nil {
			return tree, err
		}
		if p.cosigners[sig.Hash] {
			count++
		} else {
			isLog = sig.Name == p.origin
		}
	}
	if !isLog || count < p.need {
		return tree, fmt.Errorf("signed by log: %v, cosigned by %d of %d", isLog, count, p.need)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != p.origin {
		return tree, errors.New("no checkpoint of this log")
	}
	if tree.N, err = number(lines[1]); err != nil {
		return tree, err
	}
	tree.Hash, err = hash(lines[2])
	return tree, err
}

func strict(text string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(data) != text {
		return nil, fmt.Errorf("no base64 of one spelling: %q", text)
	}
	return data, nil
}

func hash(text string) (h tlog.Hash, err error) {
	data, err := strict(text)
	if err != nil || copy(h[:], data) != tlog.HashSize || len(data) != tlog.HashSize {
		return h, fmt.Errorf("no hash: %q", text)
	}
	return h, nil
}

func hashes(texts []string) (list []tlog.Hash, err error) {
	for _, text := range texts {
		h, err := hash(text)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

func number(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("no plain number: %q", text)
	}
	return n, nil
}

// A directory is a log in files, one bit of which may be the other one.
type directory struct {
	root, path  string
	offset, bit int
}

func (d *directory) read(path string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(d.root, path))
	if err == nil && path == d.path {
		data[d.offset] ^= 1 << d.bit
	}
	return data, err
}

// path gives the place of a tile: Go's own has the height in it, C2SP's has not.
func path(t tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", height))
}

func (d *directory) Height() int                     { return height }
func (d *directory) SaveTiles([]tlog.Tile, [][]byte) {}
func (d *directory) ReadTiles(tiles []tlog.Tile) (list [][]byte, err error) {
	for _, t := range tiles {
		data, err := d.read(path(t))
		if err != nil {
			return nil, err
		}
		if len(data) != t.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", path(t), len(data))
		}
		list = append(list, data)
	}
	return list, nil
}

// entries reads a bundle.
func (d *directory) entries(t tlog.Tile) (list [][]byte, err error) {
	data, err := d.read("tile/entries/" + strings.TrimPrefix(path(t), "tile/0/"))
	for err == nil && len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("a bundle that ends in an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		list = append(list, data[2:end])
		data = data[end:]
	}
	if err == nil && len(list) != t.W {
		err = fmt.Errorf("a bundle of %d entries, not %d", len(list), t.W)
	}
	return list, err
}

// checkTiles sees that every hash of every tile is that of the tree, and every entry that of its leaf.
func (d *directory) checkTiles(tree tlog.Tree, reader tlog.HashReader) error {
	for _, t := range tlog.NewTiles(height, 0, tree.N) {
		first := t.N << height
		if t.W < 1<<height && first+int64(t.W) < tree.N>>(t.L*height) {
			continue // a partial tile of a smaller tree
		}
		var indexes []int64
		for n := first; n < first+int64(t.W); n++ {
			indexes = append(indexes, tlog.StoredHashIndex(t.L*height, n))
		}
		found, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		data, err := d.ReadTiles([]tlog.Tile{t})
		if err != nil {
			return err
		}
		for i, h := range found {
			if !bytes.Equal(h[:], data[0][i*tlog.HashSize:(i+1)*tlog.HashSize]) {
				return errors.New("a tile is not that of the tree")
			}
		}
		if t.L > 0 {
			continue
		}
		list, err := d.entries(t)
		if err != nil {
			return err
		}
		for i, entry := range list {
			if tlog.RecordHash(entry) != found[i] {
				return fmt.Errorf("entry %d is not that of its leaf", first+int64(i))
			}
		}
	}
	return nil
}

// checkProofs verifies our proofs, and sees that Go makes the same ones from our tiles.
func (d *directory) checkProofs(p *policy, tree tlog.Tree, reader tlog.HashReader) error {
	data, err := d.read(fmt.Sprintf("proofs/%d", tree.N))
	if err != nil {
		return err
	}
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		words := strings.Split(line, " ")
		if len(words) < 2 {
			return errors.New("no proof")
		}
		n, err := number(words[1])
		if err != nil {
			return err
		}
		proof, err := hashes(words[2:])
		if err != nil {
			return err
		}
		var own []tlog.Hash
		switch words[0] {
		case "inclusion":
			leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaf[0]); err != nil {
				return err
			}
			if own, err = tlog.ProveRecord(tree.N, n, reader); err != nil {
				return err
			}
		case "consistency":
			data, err := d.read(fmt.Sprintf("checkpoints/%d", n))
			if err != nil {
				return err
			}
			old, err := p.open(data)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
				return err
			}
			if own, err = tlog.ProveTree(tree.N, old.N, reader); err != nil {
				return err
			}
		default:
			return errors.New("no proof")
		}
		if fmt.Sprint(own) != fmt.Sprint(proof) {
			return errors.New("another proof than Go's")
		}
	}
	return nil
}

// checkReceipt verifies a tlog-proof whose extra is the entry.
func (d *directory) checkReceipt(p *policy, size int64) error {
	data, err := d.read(fmt.Sprintf("receipts/%d", size))
	if err != nil {
		return err
	}
	parts := strings.SplitN(string(data), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("no receipt")
	}
	entry, err := strict(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := number(strings.TrimPrefix(lines[2], "index "))
	if err != nil {
		return err
	}
	proof, err := hashes(lines[3:])
	if err != nil {
		return err
	}
	tree, err := p.open([]byte(parts[1]))
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func (d *directory) check(p *policy, size int64) error {
	data, err := d.read(fmt.Sprintf("checkpoints/%d", size))
	if err != nil {
		return err
	}
	tree, err := p.open(data)
	if err != nil {
		return err
	}
	if tree.N != size {
		return fmt.Errorf("the checkpoint is of size %d", tree.N)
	}
	reader := tlog.TileHashReader(tree, d)
	if err := d.checkTiles(tree, reader); err != nil {
		return err
	}
	if err := d.checkProofs(p, tree, reader); err != nil {
		return err
	}
	return d.checkReceipt(p, size)
}

func run(root string, p *policy, line string) (err error) {
	d := &directory{root: root}
	var size int64
	if strings.Contains(line, " ") {
		_, err = fmt.Sscanf(line, "%d %s %d %d", &size, &d.path, &d.offset, &d.bit)
	} else {
		size, err = number(line)
	}
	if err != nil {
		return err
	}
	return d.check(p, size)
}

func main() {
	root := os.Args[1]
	text, err := os.ReadFile(filepath.Join(root, "policy"))
	if err != nil {
		panic(err)
	}
	p, err := readPolicy(string(text))
	if err != nil {
		panic(err)
	}
	cases := bufio.NewScanner(os.Stdin)
	for cases.Scan() {
		if err := run(root, p, cases.Text()); err != nil {
			fmt.Printf("%q\n", err.Error())
		} else {
			fmt.Println("ok")
		}
	}
}
