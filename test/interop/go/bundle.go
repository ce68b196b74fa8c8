package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A bundle of a network of suite intl (spec/bundle.md), with the records of the state that it proves.
type bundle struct {
	Format, Entry, Checkpoint, Genesis string
	Leaf                               int64
	Proof                              tlogProof
	State, Records                     []record
	Witnessed                          json.RawMessage
}

type record struct {
	Key, Value string
	Siblings   [][]byte
}

type tlogProof tlog.RecordProof

func (p *tlogProof) UnmarshalJSON(data []byte) error {
	var hashes [][]byte
	if err := json.Unmarshal(data, &hashes); err != nil {
		return err
	}
	for _, hash := range hashes {
		if len(hash) != tlog.HashSize {
			return errors.New("a hash of the proof has not 32 bytes")
		}
		*p = append(*p, tlog.Hash(hash))
	}
	return nil
}

// verifyBundle holds a bundle against the genesis document that the reader has. The log's proof and
// note are for golang.org/x/mod/sumdb, the transaction's signature for go-jose.
func verifyBundle(file, genesisFile string) error {
	var b bundle
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	genesis, err := os.ReadFile(genesisFile)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return err
	}
	if b.Format != "qf-bundle-1" || b.Genesis != strings.TrimSuffix(string(genesis), "\n") {
		return errors.New("another format, or another genesis document")
	}
	head, state, err := b.openCheckpoint()
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := tlog.CheckRecord(tlog.RecordProof(b.Proof), head.size, head.root, b.Leaf,
		tlog.RecordHash([]byte(b.Entry))); err != nil {
		return fmt.Errorf("entry: %w", err)
	}
	before := ""
	for i, r := range append(append([]record{}, b.State...), b.Records...) {
		if err := r.check(state); err != nil {
			return fmt.Errorf("%s: %w", r.Key, err)
		}
		if i >= len(b.State) {
			if r.Key <= before {
				return fmt.Errorf("%s: out of order", r.Key)
			}
			before = r.Key
		}
	}
	if err := b.checkSigner(); err != nil {
		return err
	}
	if err := b.checkPackages(); err != nil {
		return err
	}
	fmt.Printf("entry %d of %d, %d records\nOK\n", b.Leaf, head.size, len(b.Records))
	return nil
}

// openCheckpoint takes one node of the genesis document that has signed it.
func (b *bundle) openCheckpoint() (checkpoint, tlog.Hash, error) {
	var genesis struct {
		Network, Suite string
		Members        []struct {
			NoteKeys []string `json:"note_keys"`
		}
	}
	if err := json.Unmarshal([]byte(b.Genesis), &genesis); err != nil {
		return checkpoint{}, tlog.Hash{}, err
	}
	if genesis.Suite != "intl" {
		return checkpoint{}, tlog.Hash{}, errors.New("only suite intl is read here")
	}
	var verifiers []note.Verifier
	for _, member := range genesis.Members {
		for _, key := range member.NoteKeys {
			verifier, err := note.NewVerifier(key)
			if err != nil {
				return checkpoint{}, tlog.Hash{}, err
			}
			verifiers = append(verifiers, verifier)
		}
	}
	opened, err := note.Open([]byte(b.Checkpoint), note.VerifierList(verifiers...))
	if err != nil {
		return checkpoint{}, tlog.Hash{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 5 || lines[0] != genesis.Network || !strings.HasPrefix(lines[3], "state ") {
		return checkpoint{}, tlog.Hash{}, errors.New("want origin, size, root and state")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return checkpoint{}, tlog.Hash{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return checkpoint{}, tlog.Hash{}, err
	}
	state, err := tlog.ParseHash(strings.TrimPrefix(lines[3], "state "))
	return checkpoint{origin: lines[0], size: size, root: root}, state, err
}

// check is "Proof" of spec/state-tree.md.
func (r *record) check(root tlog.Hash) error {
	key, value := sha256.Sum256([]byte(r.Key)), sha256.Sum256([]byte(r.Value))
	hash := sha256.Sum256(bytes.Join([][]byte{{0}, key[:], value[:]}, nil))
	if len(r.Siblings) > 8*len(key) {
		return errors.New("the proof is too long")
	}
	for d := len(r.Siblings) - 1; d >= 0; d-- {
		left, right := hash[:], r.Siblings[d]
		if key[d/8]>>(7-d%8)&1 == 1 {
			left, right = right, left
		}
		hash = sha256.Sum256(bytes.Join([][]byte{{1}, left, right}, nil))
	}
	if hash != root {
		return errors.New("the state of the checkpoint does not have this record")
	}
	return nil
}

// checkSigner verifies the transaction with the key that the state has under its kid.
func (b *bundle) checkSigner() error {
	var entry struct {
		Code int
		Tx   string
	}
	var network struct{ Genesis string }
	digest := sha256.Sum256([]byte(b.Genesis))
	if err := json.Unmarshal([]byte(b.Entry), &entry); err != nil {
		return err
	}
	if len(b.State) == 0 || b.State[0].Key != "consortium/network" ||
		json.Unmarshal([]byte(b.State[0].Value), &network) != nil ||
		network.Genesis != hex.EncodeToString(digest[:]) {
		return errors.New("the network began with another genesis document")
	}
	if entry.Tx == "" { // of time alone
		return nil
	}
	jws, err := jose.ParseSigned(entry.Tx, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA})
	if err != nil {
		return err
	}
	header := jws.Signatures[0].Header
	var key struct{ Alg, Pub, Actor, Member string }
	if len(b.State) != 2 || b.State[1].Key != "identity/key/"+header.KeyID {
		return errors.New("the signer's key is not there")
	}
	if err := json.Unmarshal([]byte(b.State[1].Value), &key); err != nil {
		return err
	}
	public, err := publicKey(key.Alg, key.Pub, header.KeyID)
	if err != nil {
		return err
	}
	if _, err := jws.Verify(public); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	fmt.Printf("signed by %s/%s\n", key.Member, key.Actor)
	return nil
}

// publicKey reads a key as the state has it; its RFC 7638 thumbprint must be the kid.
func publicKey(alg, text, kid string) (*jose.JSONWebKey, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	jwk := map[string]string{"kty": "OKP", "crv": "Ed25519", "x": text}
	if alg == "ES256" && len(raw) == 64 {
		jwk = map[string]string{"kty": "EC", "crv": "P-256",
			"x": base64.RawURLEncoding.EncodeToString(raw[:32]),
			"y": base64.RawURLEncoding.EncodeToString(raw[32:])}
	}
	written, err := json.Marshal(jwk)
	if err != nil {
		return nil, err
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(written); err != nil {
		return nil, err
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err == nil && base64.RawURLEncoding.EncodeToString(print) != kid {
		err = errors.New("the key is not the one that kid names")
	}
	return &key, err
}

// checkPackages: a case has the package of its own version and of each on which it has decided, and
// each is the one whose hash the members voted on.
func (b *bundle) checkPackages() error {
	values := map[string]string{}
	var id, text string
	for _, r := range b.Records {
		values[r.Key] = r.Value
		if found, ok := strings.CutPrefix(r.Key, "service/case/"); ok {
			id, text = found, r.Value
		}
	}
	if id == "" {
		return nil
	}
	var found struct {
		Service, Version string
		Decisions        []struct{ Decision, Version string }
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return err
	}
	versions := map[string]bool{found.Version: true}
	for _, d := range found.Decisions {
		if d.Version != "" {
			versions[d.Version] = true
		}
	}
	for version := range versions {
		var deployed struct{ Hash string }
		at := found.Service + "/" + version
		digest := sha256.Sum256([]byte(values["service/package/"+at]))
		if err := json.Unmarshal([]byte(values["service/version/"+at]), &deployed); err != nil {
			return fmt.Errorf("version %s: %w", version, err)
		}
		if deployed.Hash != "sha-256:"+hex.EncodeToString(digest[:]) {
			return fmt.Errorf("version %s: another package was voted on", version)
		}
	}
	if len(b.Records) != 1+2*len(versions) {
		return errors.New("there are records that the case does not need")
	}
	fmt.Printf("case %s of %s: %d decisions on %d versions\n", id, found.Service,
		len(found.Decisions), len(versions))
	return nil
}
