// Command qf-witness tries other people's side of the C2SP witness protocol.
//
//	qf-witness check LOG-VKEY WITNESS-VKEY... < checkpoint
//
// opens a checkpoint with golang.org/x/mod/sumdb/note and the cosignature verifier of
// transparency-dev/formats: the log and each witness must have signed it.
//
//	qf-witness key DIR
//	qf-witness log DIR COUNT WITNESS-VKEY WITNESS-URL SECONDS
//
// key makes the signing key of a log in DIR and prints its verifier key. log appends COUNT entries to
// the Tessera log there, whose checkpoints are published only with the witness's cosignature, and
// prints the last one, or gives up after SECONDS.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

const origin = "tessera.example/log"

func main() {
	err := errors.New("usage: qf-witness check|key|log ...")
	switch {
	case len(os.Args) > 3 && os.Args[1] == "check":
		err = check(os.Args[2], os.Args[3:])
	case len(os.Args) == 3 && os.Args[1] == "key":
		err = makeKey(os.Args[2])
	case len(os.Args) == 7 && os.Args[1] == "log":
		err = log(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6])
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "REFUSED: %v\n", err)
		os.Exit(1)
	}
}

func check(logKey string, witnessKeys []string) error {
	data, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	verifiers := []note.Verifier{verifier}
	for _, key := range witnessKeys {
		witness, err := fnote.NewVerifierForCosignatureV1(key)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, witness)
	}
	opened, err := note.Open(data, note.VerifierList(verifiers...))
	if err != nil {
		return err
	}
	if len(opened.Sigs) != len(verifiers) {
		return fmt.Errorf("%d of %d have signed", len(opened.Sigs), len(verifiers))
	}
	for _, sig := range opened.Sigs[1:] {
		at, err := fnote.CoSigV1Timestamp(sig)
		if err != nil {
			return err
		}
		if since := time.Since(at); since < -time.Minute || since > time.Hour {
			return fmt.Errorf("%s cosigned at %v", sig.Name, at)
		}
		fmt.Printf("%s cosigned\n", sig.Name)
	}
	fmt.Println("OK")
	return nil
}

func makeKey(dir string) error {
	secret, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	fmt.Println(public)
	return os.WriteFile(filepath.Join(dir, "key"), []byte(secret), 0o600)
}

func log(dir, countText, witnessKey, witnessURL, seconds string) error {
	count, err := strconv.Atoi(countText)
	if err != nil {
		return err
	}
	patience, err := time.ParseDuration(seconds + "s")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	secret, err := os.ReadFile(filepath.Join(dir, "key"))
	if err != nil {
		return err
	}
	key, err := note.NewSigner(string(secret))
	if err != nil {
		return err
	}
	root, err := url.Parse(witnessURL)
	if err != nil {
		return err
	}
	witness, err := tessera.NewWitness(witnessKey, root)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(dir, "log")})
	if err != nil {
		return err
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(key).
		WithCheckpointInterval(200*time.Millisecond).WithBatching(uint(count), 100*time.Millisecond).
		WithWitnesses(tessera.NewWitnessGroup(1, witness), nil)
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	var last []byte
	for i := range count {
		entry := fmt.Sprintf("entry %d at %d", i, time.Now().UnixNano())
		future := appender.Add(ctx, tessera.NewEntry([]byte(entry)))
		if i < count-1 {
			continue
		}
		if _, last, err = awaiter.Await(ctx, future); err != nil {
			return err
		}
	}
	if err := shutdown(ctx); err != nil {
		return err
	}
	_, err = os.Stdout.Write(last)
	return err
}
