module github.com/epsilontime/epsilon/integrations/raft

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/epsilontime/epsilon v0.0.0
	github.com/stretchr/testify v1.12.1
	go.etcd.io/raft/v3 v3.7.0
	go.uber.org/goleak v1.3.0
	google.golang.org/protobuf v1.36.11
)

require (
	github.com/facebook/time v0.0.0-20260822211804-f81aedc1c1e3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/epsilontime/epsilon => ../..
