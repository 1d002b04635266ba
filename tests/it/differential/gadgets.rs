//! Manifests that one reader takes for something else than another: what has been used in attacks, and
//! their neighbours. Each holds a placeholder of the tenant's own.

/// The head of a Secret.
const HEAD: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n";
/// A value in it.
const DATA: &str = "data: {v: <path:kv/shop/web#password | base64encode>}\n";
/// Another object's head, as a Secret's namesake elsewhere.
const LEAK: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: leak, namespace: victim}\n";

/// Characters that end a line for some readers and not for others.
pub(super) const BREAKS: [&str; 7] = [
    "\u{85}", "\u{2028}", "\u{2029}", "\r", "\u{b}", "\u{c}", "\u{feff}",
];

/// Ways to write a key that a reader may take for it, or not; `K` is the key, `B` its base64.
const KEYS: [&str; 15] = [
    "!!binary B",
    "!!binary \"B\"",
    "!!str K",
    "! K",
    "! \"K\"",
    "!<tag:yaml.org,2002:str> K",
    "!local K",
    "!!omap K",
    "&a K",
    "&a !!binary B",
    "? !!binary B\n",
    "? K\n",
    "? |-\n  K\n",
    "\"K\"",
    "'K'",
];

/// Ways to write what merges one map into another.
const MERGES: [&str; 12] = [
    "<<",
    "! <<",
    "! \"<<\"",
    "\"<<\"",
    "'<<'",
    "!!merge <<",
    "!!merge \"<<\"",
    "!!merge x",
    "!!str <<",
    "!!binary PDw=",
    "&m <<",
    "? <<\n",
];

/// All of them; what they are is said by the place in the list alone.
pub(super) fn all() -> Vec<String> {
    let mut all = separators();
    all.extend(tagged_keys());
    all.extend(merges());
    all.extend(breaks());
    all.extend(lists());
    all.extend(namespaces());
    all.extend(maps());
    all
}

/// Maps that are put in whole, where they may stand and where not.
fn maps() -> Vec<String> {
    let mut found = Vec::new();
    for value in [
        "<path:kv/shop/web#*>",
        "<path:kv/shop/web#map>",
        "'<path:kv/shop/web#map>'",
        "&x <path:kv/shop/web#map>",
        "!!map <path:kv/shop/web#map>",
        "! <path:kv/shop/web#map>",
        "|-\n  <path:kv/shop/web#map>",
    ] {
        for field in [
            "data",
            "stringData",
            "immutable",
            "metadata",
            "? stringData\n",
        ] {
            found.push(format!("{HEAD}{field}: {value}\n"));
            found.push(format!("{HEAD}{field}: {value}\n{DATA}"));
            found.push(format!(
                "{HEAD}{DATA}{field}:\n  {value}\nkind: ConfigMap\n"
            ));
            found.push(format!("{HEAD}x: {value}\n{field}: *x\n"));
            found.push(format!("{HEAD}stringData:\n  {field}: {value}\n"));
        }
        found.push(format!("{LEAK}data: {value}\n"));
        found.push(format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  labels: {value}\n"
        ));
        found.push(format!("{HEAD}<<: {value}\n"));
    }
    found
}

/// Lines that separate documents for a reader by lines, inside what is one text for a parser.
fn separators() -> Vec<String> {
    let mut found = Vec::new();
    for start in ["---#: ", "--- # ", "---\t#", "---", "--- ", "---#"] {
        for quote in ['"', '\''] {
            found.push(format!("{HEAD}{start}{quote}\n{LEAK}# {quote}\n{DATA}"));
            found.push(format!(
                "{HEAD}a: {quote}\n{start}\n{LEAK}# {quote}\n{DATA}"
            ));
            found.push(format!("{HEAD}a: {quote}\n---\n{LEAK}{DATA}# {quote}\n"));
            found.push(format!("{HEAD}a: {quote}\n...\n{LEAK}{DATA}# {quote}\n"));
        }
        found.push(format!("{HEAD}? |-\n {start}\n{LEAK}{DATA}"));
        found.push(format!("{HEAD}{DATA}a: |\n{start}\n{LEAK}"));
        found.push(format!("{HEAD}{DATA}a: [\n{start}\n{LEAK}]\n"));
        found.push(format!("{HEAD}{start}\n{LEAK}{DATA}"));
    }
    // a document ends, and directives begin
    found.push(format!("{HEAD}...\n{DATA}"));
    found.push(format!("{HEAD}{DATA}...\n%YAML 1.1\n---\n{LEAK}{DATA}"));
    found.push(format!("%YAML 1.1\n---\n{HEAD}{DATA}"));
    found.push(format!(
        "%TAG !! tag:example.com,2000:\n---\n{HEAD}{DATA}!!binary a2luZA==: ConfigMap\n"
    ));
    found.push(format!(
        "%TAG ! tag:yaml.org,2002:\n---\n{HEAD}{DATA}!binary a2luZA==: ConfigMap\n"
    ));
    found.push(format!(
        "%TAG !e! tag:yaml.org,2002:\n---\n{HEAD}{DATA}!e!merge <<: {{kind: ConfigMap}}\n"
    ));
    // JSON to a reader that looks at the first brace
    found.push("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"x\"},\"stringData\":{\"v\":\"<path:kv/shop/web#password>\"}}".to_owned());
    found.push("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"},\"data\":{\"v\":\"<path:kv/shop/web#password>\"}}".to_owned());
    found.push(format!("{{}}\n---\n{HEAD}{DATA}"));
    found.push(format!(
        "{{}} # {{\"kind\": \"ConfigMap\"}}\n---\n{HEAD}{DATA}"
    ));
    found
}

/// A field that decides, said twice: plainly, and in a way that only some readers see.
fn tagged_keys() -> Vec<String> {
    let mut found = Vec::new();
    for key in KEYS {
        for (name, base64, value) in [
            ("kind", "a2luZA==", "ConfigMap"),
            ("apiVersion", "YXBpVmVyc2lvbg==", "v2"),
            ("metadata", "bWV0YWRhdGE=", "{name: y, namespace: victim}"),
        ] {
            let key = key.replace('K', name).replace('B', base64);
            found.push(format!("{HEAD}{DATA}{key}: {value}\n"));
            found.push(format!("{key}: {value}\n{HEAD}{DATA}"));
        }
        let namespace = key.replace('K', "namespace").replace('B', "bmFtZXNwYWNl");
        let lines = namespace.replace('\n', "\n  ");
        found.push(format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  {lines}: victim\n{DATA}"
        ));
        if !namespace.contains('\n') {
            found.push(format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: x, {namespace}: victim}}\n{DATA}"
            ));
            found.push(format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: x, {namespace}: victim, namespace: shop-prod}}\n{DATA}"));
        }
    }
    // values that are texts to some
    for kind in [
        "!!binary Q29uZmlnTWFw",
        "! ConfigMap",
        "!!str ConfigMap",
        "!x ConfigMap",
        "&k ConfigMap",
    ] {
        found.push(format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\n{DATA}"
        ));
        found.push(format!("{HEAD}{DATA}kind: {kind}\n"));
    }
    // keys that are one once they are texts
    for (one, other) in [
        ("1", "0x1"),
        ("1", "\"1\""),
        ("true", "yes"),
        ("\"true\"", "on"),
        ("1.0", "1"),
        ("8", "010"),
        ("10", "1_0"),
    ] {
        found.push(format!(
            "{HEAD}stringData:\n  {one}: a\n  {other}: <path:kv/shop/web#password>\n"
        ));
    }
    found
}

/// What decides, merged from elsewhere.
fn merges() -> Vec<String> {
    let mut found = Vec::new();
    for merge in MERGES {
        found.push(format!("{HEAD}{DATA}{merge}: {{kind: ConfigMap}}\n"));
        found.push(format!("{merge}: {{kind: ConfigMap}}\n{HEAD}{DATA}"));
        found.push(format!(
            "{HEAD}{DATA}{merge}: [{{kind: ConfigMap}}, {{metadata: {{namespace: victim}}}}]\n"
        ));
        found.push(format!("x: &x {{kind: ConfigMap, metadata: {{name: x, namespace: victim}}}}\n{merge}: *x\napiVersion: v1\n{DATA}kind: Secret\n"));
        let lines = merge.replace('\n', "\n  ");
        found.push(format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  {lines}: {{namespace: victim}}\n{DATA}"));
        let lines = merge.replace('\n', "\n    ");
        found.push(format!("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: x\n    {lines}: {{namespace: victim}}\n  {DATA}"));
        let lines = merge.replace('\n', "\n  ");
        found.push(format!("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {{name: x}}\n  {lines}: {{kind: ConfigMap}}\n  {DATA}"));
        found.push(format!(
            "{HEAD}x: &x {{v: <path:kv/shop/web#password>}}\nstringData:\n  {lines}: *x\n"
        ));
    }
    found
}

/// A comment or a text that ends earlier for some readers.
fn breaks() -> Vec<String> {
    let mut found = Vec::new();
    for end in BREAKS {
        for line in [
            "kind: ConfigMap",
            "metadata: {name: y, namespace: victim}",
            "---",
            "--- #",
        ] {
            found.push(format!("{HEAD}{DATA}#{end}{line}\n"));
            found.push(format!("{HEAD}{DATA}# {end}{line}{end}\n"));
            found.push(format!("#{end}{line}\n{HEAD}{DATA}"));
            found.push(format!("{HEAD}a: b #{end}{line}\n{DATA}"));
            found.push(format!("{HEAD}a: b{end}{line}\n{DATA}"));
            found.push(format!("{HEAD}a: 'b{end}{line}'\n{DATA}"));
            found.push(format!("{HEAD}a: |-\n  b{end}{line}\n{DATA}"));
        }
        found.push(format!("{end}{HEAD}{DATA}"));
        found.push(format!("{HEAD}{end}{DATA}"));
        found.push(format!("{HEAD}---\n{end}{HEAD}{DATA}"));
        found.push(format!("{HEAD}---{end}{LEAK}{DATA}"));
        found.push(format!(
            "apiVersion: v1{end}\nkind: Secret{end}\nmetadata: {{name: x}}\n{DATA}"
        ));
        // as kustomize prints a text that has it in column 0
        found.push(format!("apiVersion: v1\nkind: Secret\nmetadata:\n  annotations:\n    a: |-\n      {end}x: \"\n      y\n  name: x\n  namespace: victim\nq: |-\n  \"\n  # y\nstringData:\n  v: <path:kv/shop/web#password>\n"));
        found.push(format!("apiVersion: v1\nkind: Secret\nmetadata:\n  annotations:\n    a: |-\n{end}x: \"\n      y\n  name: x\n  namespace: victim\nq: |-\n  \"\n  # y\nstringData:\n  v: <path:kv/shop/web#password>\n"));
    }
    found
}

/// Namespaces that are not strings, and metadata that is not a mapping.
fn namespaces() -> Vec<String> {
    let metadata = [
        "{name: x, namespace: {a: b}}",
        "{name: x, namespace: {shop-prod: x}}",
        "{name: x, namespace: [shop-prod]}",
        "{name: x, namespace: [[]]}",
        "{name: x, namespace: {}}",
        "{name: x, namespace: 5}",
        "{name: x, namespace: true}",
        "{name: x, namespace: null}",
        "{name: x, namespace: ~}",
        "{name: x, namespace: ''}",
        "{name: x, namespace: 'null'}",
        "{name: x, ? namespace : {s: }}",
        "[{namespace: victim}]",
        "victim",
        "{name: [x], namespace: shop-prod}",
    ];
    let secret = |metadata| format!("apiVersion: v1\nkind: Secret\nmetadata: {metadata}\n{DATA}");
    metadata.map(secret).to_vec()
}

/// Lists that some take apart, and things that look like one.
fn lists() -> Vec<String> {
    let leak = "{apiVersion: v1, kind: ConfigMap, metadata: {name: l}, data: {v: '<path:kv/shop/web#password>'}}";
    let mut found = Vec::new();
    for kind in [
        "List",
        "SecretList",
        "Secret",
        "ConfigMap",
        "ConfigMapList",
        "Sink",
        "",
    ] {
        found.push(format!("apiVersion: v1\nkind: {kind}\nitems: [{leak}]\n"));
        found.push(format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\nitems: []\n{DATA}"
        ));
        found.push(format!(
            "apiVersion: v1\nkind: {kind}\nmetadata: {{name: x}}\nitems: null\n{DATA}"
        ));
        found.push(format!(
            "apiVersion: v1\nkind: {kind}\n? !!binary aXRlbXM=\n: [{leak}]\n{DATA}"
        ));
        found.push(format!("apiVersion: v1\nkind: {kind}\nitems:\n- apiVersion: v1\n  metadata: {{name: x}}\n  {DATA}"));
        found.push(format!("apiVersion: v1\nkind: {kind}\nitems:\n- apiVersion: v1\n  kind: List\n  items: [{leak}]\n"));
    }
    found.push(format!("apiVersion: v1\nkind: List\nitems:\n- &a\n  apiVersion: v1\n  kind: Secret\n  metadata: {{name: x}}\n  {DATA}- <<: *a\n  kind: ConfigMap\n"));
    found.push(format!("apiVersion: v1\nkind: List\nx: &a\n  apiVersion: v1\n  kind: Secret\n  metadata: {{name: x, namespace: victim}}\n  {DATA}items: [*a]\n"));
    // Argo CD takes one list apart, and not what is in it
    let good = "{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {v: '<path:kv/shop/web#password>'}}";
    for outer in ["List", "SecretList"] {
        for inner in ["List", "SecretList"] {
            found.push(format!("apiVersion: v1\nkind: {outer}\nitems:\n- apiVersion: v1\n  kind: {inner}\n  items: [{good}]\n"));
        }
    }
    found.push("apiVersion: example.com/v1\nkind: Sink\nmetadata: {name: x}\nspec: {secret: <path:kv/shop/web#map>, list: [<path:kv/shop/web#number>, <path:kv/shop/web#token>]}\n".to_owned());
    found
}
