//! Other tenants' paths, other places, other modes.

use super::{
    SHOP, TENANTS, assert_denied, assert_gives, assert_silent, function_on, policy, render,
    render_on, secret, write,
};
use crate::governed::Governed;
use crate::support::{EXEC, exe, path_with, run, temp_dir, tool, write_files};

#[test]
fn a_tenant_gets_its_own_secrets() {
    for path in ["kv/shop/web/db#password", "kv/data/shop/web/db#password"] {
        let placeholder = secret(&format!("<path:{path}>"));
        let Some(output) = render(TENANTS, &SHOP, &placeholder) else {
            return;
        };
        assert_gives(&output, "value-shop");
    }
}

#[test]
fn paths_that_are_not_its_own_are_denied_before_the_store_is_asked() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    for (path, says) in [
        (
            "kv/billing/web/db#password",
            "no rule of the policy allows this path",
        ),
        (
            "kv/data/billing/web/db#password",
            "no rule of the policy allows this path",
        ),
        (
            "kv/data/data/shop/web/db#password",
            "no rule of the policy allows this path",
        ),
        (
            "kv/shop/nosuch#password",
            "no rule of the policy allows this path",
        ),
        ("nosuch/a#b", "no rule of the policy allows this path"),
        (
            "auth/token/lookup-self#id",
            "no rule of the policy allows this path",
        ),
        ("kv/shop/web/../../billing/web/db#password", "`..`"),
        ("kv/shop/web/./db#password", "`.`"),
        ("kv//shop/web/db#password", "empty segment"),
        (
            "kv/shop/web/%2e%2e/%2e%2e/billing/web/db#password",
            "encoded",
        ),
        ("kv/shop/web/%252e%252e/db#password", "encoded"),
        ("kv/shop/web%2f..%2fdb#password", "encoded"),
    ] {
        let output = render_on(&machine, &SHOP, &secret(&format!("<path:{path}>")));
        assert_denied(&output, says);
        assert!(output.stderr.contains("help: "), "{}", output.stderr);
        assert!(output.stderr.contains("Secret db"), "{}", output.stderr);
    }
}

#[test]
fn an_escaped_placeholder_is_a_text_and_no_value() {
    let escaped = "<!path:kv/billing/web/db#password>";
    let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n";
    let manifests = format!(
        "{head}  name: web\ndata:\n  text: \"{escaped}\"\n---\n{head}  name: elsewhere\n  namespace: victim\n  annotations: {{a/b: \"{escaped}\"}}\n---\n{}",
        secret(&format!("{escaped} <path:kv/shop/web/db#password>"))
    );
    let Some(output) = render(TENANTS, &SHOP, &manifests) else {
        return;
    };
    assert_eq!(output.code, 0, "{}", output.stderr);
    let text = String::from_utf8(output.stdout).unwrap();
    let literal = "<path:kv/billing/web/db#password>";
    assert_eq!(text.matches(literal).count(), 3, "{text}");
    assert!(text.contains(&format!("{literal} value-shop")), "{text}");
    assert!(!text.contains("value-billing"), "{text}");
}

#[test]
fn a_raw_read_of_another_engine_is_denied() {
    let manifest = secret("<path:auth/token/lookup-self#id>").replace(
        "  name: db\n",
        "  name: db\n  annotations: {avp.kubernetes.io/kv-version: \"1\"}\n",
    );
    let Some(output) = render(TENANTS, &SHOP, &manifest) else {
        return;
    };
    assert_denied(&output, "no rule of the policy allows this path");
}

#[test]
fn a_chosen_name_or_namespace_gains_nothing() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    let wanted = secret("<path:kv/billing/web/db#password>");
    for (project, name, namespace) in [
        ("shop", "billing/web", "shop-prod"),
        ("shop", "../billing/web", "shop-prod"),
        ("shop", "*", "*"),
        ("shop", "web", "../billing"),
        ("other", "web", "billing"),
        ("", "web", "billing"),
    ] {
        let env = [
            ("ARGOCD_APP_PROJECT_NAME", project),
            ("ARGOCD_APP_NAME", name),
            ("ARGOCD_APP_NAMESPACE", namespace),
        ];
        assert_denied(&render_on(&machine, &env, &wanted), "no rule of the policy");
    }
    // without any of them
    assert_denied(&render_on(&machine, &[], &wanted), "no rule of the policy");
    // parameters of the plugin are nobody's identity
    let env = [
        ("ARGOCD_ENV_ARGOCD_APP_PROJECT_NAME", "billing"),
        ("PARAM_PROJECT", "billing"),
    ];
    assert_denied(&render_on(&machine, &env, &wanted), "no rule of the policy");
}

#[test]
fn a_secret_goes_into_the_destination_namespace_alone() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    let own = secret("<path:kv/shop/web/db#password>");
    let within = |namespace: &str| {
        own.replace(
            "  name: db\n",
            &format!("  name: db\n  namespace: {namespace}\n"),
        )
    };
    assert_gives(
        &render_on(&machine, &SHOP, &within("shop-prod")),
        "value-shop",
    );
    for namespace in ["billing", "argocd", "shop-prod2"] {
        let output = render_on(&machine, &SHOP, &within(namespace));
        assert_denied(&output, "only in the destination namespace");
    }
}

/// Each object holds the placeholder of a path that is allowed, in a place that is not.
const PLACES: [(&str, &str); 12] = [
    (
        "data.a",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 'P'}\n",
    ),
    (
        "metadata.annotations[example.com/a]",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: {example.com/a: 'P'}}\n",
    ),
    (
        "metadata.labels.a",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {a: 'P'}}\n",
    ),
    (
        "metadata.name",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: 'P'}\n",
    ),
    (
        "type",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: 'P'\n",
    ),
    (
        "spec.template.spec.containers[0].args[0]",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{name: a, args: ['P']}]}}}\n",
    ),
    (
        "stringData.a",
        "apiVersion: example.com/v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: 'P'}\n",
    ),
    (
        "stringData.a",
        "apiVersion: /v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: 'P'}\n",
    ),
    (
        "stringData.a.b",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: {b: 'P'}}\n",
    ),
    (
        "spec.rules[0].host",
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {rules: [{host: 'x-P.example'}]}\n",
    ),
    (
        "items[0].data.a",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {a: 'P'}}]\n",
    ),
    (
        "line 3, column 1: this key is written twice in its mapping",
        "apiVersion: v1\nkind: Secret\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 'P'}\n",
    ),
];

#[test]
fn readers_of_objects_see_no_value() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    for (field, manifest) in PLACES {
        let manifest = manifest.replace('P', "<path:kv/shop/web/db#password>");
        let output = render_on(&machine, &SHOP, &manifest);
        assert_denied(&output, field);
        assert!(
            output.stderr.contains("<path:kv/shop/web/db#password>")
                || field == "metadata.name"
                || field.starts_with("line "),
            "{}",
            output.stderr
        );
    }
}

/// Anchors and merge keys that carry the value of a Secret, which is allowed, into another place.
const SHARED: [&str; 8] = [
    "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: &x 'P'}},\n {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {a: *x}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: &x {a: 'P'}},\n {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: *x}",
    "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: &x {a: 'P'}},\n {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {<<: *x, b: c}}",
    "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: &x {a: 'P'}},\n {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {a: written, <<: *x}}",
    "&x {apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: 'P | base64encode'}},\n {<<: *x, kind: ConfigMap}",
    "&x {apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: 'P'}},\n {kind: Secret, <<: *x, apiVersion: example.com/v1}",
    "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: &x 'P'}},\n {apiVersion: v1, kind: Secret, metadata: {name: b, annotations: {a: *x}}}",
    "{apiVersion: v1, &k kind: Secret, metadata: {name: a}, stringData: {a: 'P'}, *k : ConfigMap}",
];

#[test]
fn an_anchored_value_is_judged_at_every_place() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    for items in SHARED {
        let list = format!("apiVersion: v1\nkind: List\nitems: [{items}]\n");
        let list = list
            .replace("'P'", "'<path:kv/shop/web/db#password>'")
            .replace("'P |", "'<path:kv/shop/web/db#password |")
            .replace("base64encode'", "base64encode>'");
        let output = render_on(&machine, &SHOP, &list);
        assert_eq!(output.code, 1, "{list}\n{}", output.stderr);
        assert_silent(&output);
    }
}

#[test]
fn an_alias_beside_an_allowed_place_may_go_to_another_allowed_place() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {a: &x '<path:kv/shop/web/db#password>'}}\n- {apiVersion: v1, kind: Secret, metadata: {name: b}, stringData: {a: *x}}\n";
    let Some(output) = render(TENANTS, &SHOP, list) else {
        return;
    };
    assert_gives(&output, "value-shop");
}

#[test]
fn a_listed_sink_takes_a_value_and_metadata_never_does() {
    let spec = format!(
        "{TENANTS}  sinks: [{{apiVersion: cdn.example/v1, kind: Zone, fields: ['spec/tokens/*', 'spec/template/*/a']}}]"
    );
    let Some(machine) = Governed::new(&policy(&spec)) else {
        return;
    };
    let zone = |spec: &str| {
        format!("apiVersion: cdn.example/v1\nkind: Zone\nmetadata: {{name: a}}\nspec: {spec}\n")
            .replace('P', "<path:kv/shop/web/db#password>")
    };
    assert_gives(
        &render_on(&machine, &SHOP, &zone("{tokens: ['P']}")),
        "value-shop",
    );
    assert_denied(
        &render_on(&machine, &SHOP, &zone("{token: 'P'}")),
        "no secret in this field",
    );
    let output = render_on(&machine, &SHOP, &zone("{template: {metadata: {a: 'P'}}}"));
    assert_denied(&output, "never allows a secret in metadata");
}

#[test]
fn both_the_path_annotation_and_the_configuration_are_judged() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    let annotated = |path: &str| {
        secret("<password>").replace(
            "  name: db\n",
            &format!("  name: db\n  annotations: {{avp.kubernetes.io/path: {path}}}\n"),
        )
    };
    assert_gives(
        &render_on(&machine, &SHOP, &annotated("kv/shop/web/db")),
        "value-shop",
    );
    let output = render_on(&machine, &SHOP, &annotated("kv/billing/web/db"));
    assert_denied(&output, "no rule of the policy");
    let release = "apiVersion: gitops-fn.dev/v1alpha1\nkind: Release\nmetadata: {name: r}\nspec: {secrets: {path: kv/billing/web/db}}\n";
    let folder = write(&machine, &[("release.yaml", release)]);
    let mut command = machine.gitops_fn();
    command
        .args(["render", "-f", "release.yaml", "-"])
        .current_dir(folder)
        .env("VAULT_ADDR", "file:secrets.yaml")
        .envs(SHOP);
    assert_denied(
        &run(&mut command, secret("<password>")),
        "no rule of the policy",
    );
}

#[test]
fn the_environments_own_path_rule_counts_beside_the_policy() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    let env = [("AVP_PATH_VALIDATION", "^kv/shared/")];
    let env: Vec<_> = SHOP.into_iter().chain(env).collect();
    let output = render_on(&machine, &env, &secret("<path:kv/shop/web/db#password>"));
    assert_denied(&output, "AVP_PATH_VALIDATION");
    assert_gives(
        &render_on(&machine, &env, &secret("<path:kv/shared/ca#pem>")),
        "value-shared",
    );
}

#[test]
fn keeping_placeholders_has_to_be_allowed() {
    let own = secret("<path:kv/shop/web/db#password>");
    let env: Vec<_> = SHOP
        .into_iter()
        .chain([("GITOPS_FN_SECRETS", "keep")])
        .collect();
    let Some(output) = render(TENANTS, &env, &own) else {
        return;
    };
    assert_denied(&output, "does not allow secrets mode keep");
    // nothing has been kept
    assert!(!output.stderr.contains("keeps its"), "{}", output.stderr);
    let open = format!("{TENANTS}  enable: {{keep: true}}");
    assert_gives(&render(&open, &env, &own).unwrap(), "<path:");
}

#[test]
fn a_function_reads_nothing_unless_that_is_allowed() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    // what `exec.envs` of a repository can set
    let env: Vec<_> = SHOP
        .into_iter()
        .chain([("VAULT_ADDR", "file:secrets.yaml")])
        .collect();
    for path in ["kv/shop/web/db#password", "kv/shared/ca#pem"] {
        let output = function_on(&machine, &env, &secret(&format!("<path:{path}>")));
        assert_denied(&output, "reads no secrets in function mode");
        assert!(
            output.text().contains("kind: \"ResourceList\""),
            "{}",
            output.text()
        );
    }
    // without a secret it works
    assert_gives(
        &function_on(&machine, &env, &secret("x")),
        "password: \"x\"",
    );
}

#[test]
fn a_function_is_nobodys_application() {
    let spec = format!("{TENANTS}  functionMode: allow");
    let Some(machine) = Governed::new(&policy(&spec)) else {
        return;
    };
    let file = machine.folder().join("secrets.yaml");
    let named = spec.replace(
        "store: file",
        &format!("store: file\n  secretsFile: {}", file.display()),
    );
    let shared = secret("<path:kv/shared/ca#pem>");
    // the repository would name the file
    let hostile = [("VAULT_ADDR", "file:secrets.yaml")];
    let output = function_on(&machine, &hostile, &shared);
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert_silent(&output);
    write(&machine, &[("policy.yaml", &policy(&named))]);
    let evil = "kv/shared/ca: {pem: evil}\n";
    write(&machine, &[("evil.yaml", evil)]);
    let hostile: Vec<_> = SHOP
        .into_iter()
        .chain([("VAULT_ADDR", "file:evil.yaml")])
        .collect();
    assert_gives(&function_on(&machine, &hostile, &shared), "value-shared");
    for path in ["kv/shop/web/db#password", "kv/shop-prod/db#password"] {
        let output = function_on(&machine, &hostile, &secret(&format!("<path:{path}>")));
        assert_denied(&output, "no rule of the policy");
        assert!(output.stderr.contains("function mode"), "{}", output.stderr);
    }
}

#[test]
fn variables_that_a_repository_sets_through_kustomize_count_for_nothing() {
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    let function = "apiVersion: gitops-fn.dev/v1alpha1
kind: Release
metadata:
  name: release
  annotations:
    config.kubernetes.io/function: |
      exec:
        path: gitops-fn
        envs: [VAULT_ADDR=file:secrets.yaml, ARGOCD_APP_PROJECT_NAME=billing, ARGOCD_APP_NAME=web]
";
    let folder = write(
        &machine,
        &[
            ("secrets.yaml", super::SECRETS),
            ("secret.yaml", &secret("<path:kv/billing/web/db#password>")),
            ("release.yaml", function),
            (
                "kustomization.yaml",
                "resources: [secret.yaml]\ntransformers: [release.yaml]\n",
            ),
        ],
    );
    let mut build = machine.program(kustomize);
    build
        .args(["build", "."])
        .args(EXEC)
        .current_dir(folder)
        .env("PATH", path_with(&[exe().parent().unwrap()]));
    let output = run(&mut build, "");
    assert_denied(&output, "reads no secrets in function mode");
}

#[test]
fn a_function_cannot_pass_for_a_pipe() {
    let Some(machine) = Governed::new(&policy(TENANTS)) else {
        return;
    };
    // as an exec function with `args: [render, -]` and an environment of its own
    let billing = [
        ("ARGOCD_APP_PROJECT_NAME", "billing"),
        ("ARGOCD_APP_NAME", "web"),
    ];
    let item = secret("<path:kv/billing/web/db#password>");
    let item = item.trim_end().replace('\n', "\n  ");
    for list in [
        format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {item}\n"),
        format!("<<: {{kind: ResourceList}}\nitems:\n- {item}\n"),
        nested("List", &item),
        nested(
            "ConfigMapList",
            &nested("List", &item).trim_end().replace('\n', "\n  "),
        ),
    ] {
        let output = render_on(&machine, &billing, &list);
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(
            output.stderr.contains("ResourceList is the input"),
            "{}",
            output.stderr
        );
        assert_silent(&output);
        // `build` of a folder without a kustomization
        let folder = temp_dir();
        write_files(folder.path(), &[("list.yaml", &list)]);
        let mut command = machine.gitops_fn();
        command.args(["build", "."]).current_dir(folder.path());
        let output = run(command.envs(billing), "");
        assert!(
            output.stderr.contains("ResourceList is the input"),
            "{}",
            output.stderr
        );
        assert_silent(&output);
    }
}

/// A list with a ResourceList of this item in it.
fn nested(kind: &str, item: &str) -> String {
    let list = format!("kind: ResourceList\nitems:\n- {}\n", item.trim_end());
    let list = list.trim_end().replace('\n', "\n  ");
    format!("apiVersion: v1\nkind: {kind}\nitems:\n- {list}\n")
}

#[test]
fn build_obeys_the_policy_as_render_does() {
    let Some(kustomize) = tool("kustomize") else {
        return;
    };
    let Some(machine) = Governed::new(&policy(&format!("{TENANTS}  sandbox: optional"))) else {
        return;
    };
    let build = |files: &[(&str, &str)], env: &[(&str, &str)]| {
        let folder = temp_dir();
        write_files(folder.path(), files);
        let mut command = machine.gitops_fn();
        command
            .args(["build", "."])
            .current_dir(folder.path())
            .env("PATH", path_with(&[kustomize.parent().unwrap()]))
            .env(
                "VAULT_ADDR",
                format!("file:{}", machine.folder().join("secrets.yaml").display()),
            )
            .envs(SHOP)
            .envs(env.iter().copied());
        run(&mut command, "")
    };
    write(&machine, &[("secrets.yaml", super::SECRETS)]);
    let own = secret("<path:kv/shop/web/db#password>");
    let others = secret("<path:kv/billing/web/db#password>");
    let public = own.replace("kind: Secret", "kind: ConfigMap");
    let kustomization = ("kustomization.yaml", "resources: [a.yaml]\n");
    for more in [&[][..], &[kustomization]] {
        let files = |text| [&[("a.yaml", text)][..], more].concat();
        assert_gives(&build(&files(&own), &[]), "value-shop");
        let hostile = [
            ("ARGOCD_ENV_ARGOCD_APP_PROJECT_NAME", "billing"),
            ("ARGOCD_ENV_AVP_SECRET", "argocd:any"),
        ];
        assert_denied(&build(&files(&others), &hostile), "no rule of the policy");
        assert_denied(&build(&files(&public), &[]), "no secret in this field");
    }
}
