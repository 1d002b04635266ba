// Modules whose kustomizations and manifests the tests read; nothing is compiled of them.
module gitops-fn.dev/tools/kustomizations

go 1.24

require (
	github.com/argoproj/argo-cd/v3 v3.6.1
	github.com/argoproj/argo-rollouts v1.10.2
	github.com/cert-manager/cert-manager v1.21.2
	github.com/external-secrets/external-secrets v1.3.2
	github.com/fluxcd/kustomize-controller v1.10.1
	github.com/fluxcd/source-controller v1.10.1
	github.com/kubernetes-csi/external-snapshotter/v8 v8.7.0
	sigs.k8s.io/cluster-api v1.14.2
	sigs.k8s.io/kueue v0.17.0
	sigs.k8s.io/metrics-server v0.9.0
)
