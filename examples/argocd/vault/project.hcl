# What a project may read: PROJECT is replaced by its name. Keys alone (subkeys, metadata) would be for checks.
path "kv/data/PROJECT/*" {
  capabilities = ["read"]
}
