// Adds records of a size to a Tessera log in a folder, from a number of adders at once, each waiting
// until its entry has a durable place, and prints entries per second.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	badger_as "github.com/transparency-dev/tessera/storage/posix/antispam"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	dir := flag.String("dir", "", "folder of the log")
	adders := flag.Int("adders", 256, "adders at once")
	size := flag.Int("size", 600, "bytes of an entry")
	seconds := flag.Int("seconds", 5, "how long to add")
	flag.Parse()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	skey, _, err := note.GenerateKey(rand.Reader, "bench")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		log.Fatal(err)
	}
	driver, err := posix.New(ctx, posix.Config{Path: *dir})
	if err != nil {
		log.Fatal(err)
	}
	antispam, err := badger_as.NewAntispam(ctx, filepath.Join(*dir, ".antispam"), badger_as.AntispamOpts{})
	if err != nil {
		log.Fatal(err)
	}
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(time.Second).
		WithBatching(256, 10*time.Millisecond).
		WithAntispam(256, antispam))
	if err != nil {
		log.Fatal(err)
	}
	var done atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Duration(*seconds) * time.Second)
	for i := 0; i < *adders; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			record := make([]byte, *size)
			for time.Now().Before(end) {
				if _, err := rand.Read(record); err != nil {
					log.Fatal(err)
				}
				_, err := appender.Add(ctx, tessera.NewEntry(record))()
				if errors.Is(err, tessera.ErrPushback) {
					time.Sleep(time.Millisecond)
					continue
				}
				if err != nil {
					log.Fatal(err)
				}
				done.Add(1)
			}
		}()
	}
	wg.Wait()
	fmt.Printf("%.0f\n", float64(done.Load())/time.Since(start).Seconds())
	_ = shutdown(ctx)
}
