module github.com/epsilontime/epsilon/cmd/epsilon

go 1.26.0

require (
	github.com/epsilontime/epsilon v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.49.0
)

require (
	github.com/facebook/time v0.0.0-20260822211804-f81aedc1c1e3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/epsilontime/epsilon => ../..
