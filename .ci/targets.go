// Targets type-checks hookctl, with all that it imports, for each of the six systems that it is built for. Nothing is compiled,
// so one takes seconds where a build from an empty cache takes minutes.
//
//	go run .ci/targets.go
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	bad := 0
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			config := &packages.Config{
				Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesSizes | packages.NeedModule,
				Env:  append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch),
			}
			program, err := packages.Load(config, "./cmd/hookctl")
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s/%s: %v\n", system, arch, err)
				os.Exit(2)
			}
			errors, all := packages.PrintErrors(program), 0
			packages.Visit(program, nil, func(*packages.Package) { all++ })
			fmt.Printf("%s/%s: %d packages, %d errors\n", system, arch, all, errors)
			bad += errors
		}
	}
	if bad > 0 {
		os.Exit(1)
	}
}
