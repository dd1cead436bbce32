package vm

import (
	"context"
	"fmt"
	"io"
)

// GuestBin is a directory of a guest that is in PATH and has nothing of the distribution.
const GuestBin = "/usr/local/bin"

// Stock fetches a kernel of the matrix, and makes a disk with Debian packages of its release
// and what they depend on; without packages there is none. What it does is told on progress,
// each line with the name of who asks.
func Stock(ctx context.Context, kernel string, packages []string, progress io.Writer, name string) (*Image, *Disk, error) {
	kernels, err := Lookup(kernel)
	if err != nil {
		return nil, nil, err
	}
	cache, err := OpenCache(func(format string, args ...any) { fmt.Fprintf(progress, name+": "+format+"\n", args...) })
	if err != nil {
		return nil, nil, err
	}
	images, err := cache.Fetch(ctx, kernels, false)
	if err != nil {
		return nil, nil, err
	}
	if len(packages) == 0 {
		return images[0], nil, nil
	}
	disk, err := cache.Disk(ctx, images[0], packages, false)
	return images[0], disk, err
}

// Run boots a guest. That one of its jobs did not succeed is an error.
func (g *Guest) Run(ctx context.Context) error {
	status, err := g.Boot(ctx)
	if err == nil && status.Exit != 0 {
		err = fmt.Errorf("not finished in the guest (see above): exit status %d", status.Exit)
	}
	return err
}
