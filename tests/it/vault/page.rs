//! The page's list of what a server may have to say: each message comes out of the program, with the
//! exit code that the list gives.

use serde_json::json;

use super::fake::{Answer, Fake, secret};
use super::server::Server;
use super::{ROOT, manifest, render_at};
use crate::docs::failures::holds;
use crate::docs::{TROUBLESHOOTING, code, page, table};
use crate::support::{Output, run};

#[track_caller]
fn read(address: &str, settings: &[(&str, &str)]) -> Output {
    let mut command = render_at(address);
    command.envs(settings.iter().copied());
    run(&mut command, manifest(&["<path:kv/data/a#k>"]))
}

/// What comes of a read where each request is answered so.
#[track_caller]
fn answered(answer: Answer, settings: &[(&str, &str)]) -> Output {
    let fake = Fake::start(move |_, _| answer.clone());
    read(&fake.address(), settings)
}

#[test]
fn every_failure_of_the_list_occurs() {
    let Some(server) = Server::start_tls() else {
        return;
    };
    let token = [("VAULT_TOKEN", ROOT)];
    let authority = server.path("tls/vault-ca.pem").display().to_string();
    let mut deleted = secret("v");
    deleted["data"]["data"] = json!(null);
    deleted["data"]["metadata"]["deletion_time"] = "2026-01-02T03:04:05Z".into();
    let away = "Location: http://active.example/v1/kv/data/a\r\n".to_owned();
    let outputs = [
        answered(Answer::error(403, "permission denied"), &token),
        read(
            &server.address(),
            &[("VAULT_TOKEN", ROOT), ("GITOPS_FN_KV_V1_MOUNTS", "kv")],
        ),
        answered(Answer::json(404, &deleted), &token),
        answered(
            Answer::error(400, "invalid role or secret ID"),
            &[("VAULT_ROLE_ID", "r"), ("VAULT_SECRET_ID", "s")],
        ),
        answered(
            Answer::json(
                200,
                &json!({"auth": {"client_token": "", "mfa_requirement": {}}}),
            ),
            &[("VAULT_ROLE_ID", "r"), ("VAULT_SECRET_ID", "s")],
        ),
        read(&server.tls_address(), &token),
        read(
            &server.mutual_address(),
            &[("VAULT_TOKEN", ROOT), ("VAULT_CACERT", &authority)],
        ),
        answered(Answer::Full(307, away, Vec::new()), &token),
        {
            let role = json!({"token_policies": ["reader"], "token_no_default_policy": true});
            let identity = server.approle("approle", &role);
            server.secret("kv", "a", &json!({"k": "v"}));
            run(
                &mut server.render(&identity),
                manifest(&["<path:kv/data/a#k>"]),
            )
        },
    ];
    let rows = table(
        &page(TROUBLESHOOTING),
        "| From a server | Exit | What to do |",
    );
    assert_eq!(rows.len(), outputs.len(), "{rows:#?}");
    for (row, output) in rows.iter().zip(outputs) {
        let output = output.code(row[1].parse().unwrap());
        let message = code(&row[0]);
        assert!(
            holds(&output.stderr, &message),
            "{message}: {}",
            output.stderr
        );
    }
}
