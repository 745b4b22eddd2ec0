//! S1: secrets that were deleted and are still there.

use crate::{
    facts::{Fact, Secret},
    findings::{
        About, Confidence, Hit, Hits, Level, Rule, Told,
        live::{Advisory, Whole},
    },
};

/// S1.
pub(in crate::findings) struct DeletedSecret;

impl Rule for DeletedSecret {
    fn about(&self) -> &'static About {
        &About {
            id: "S1",
            name: "deleted-secret",
            title: "Secrets in files that a later layer deleted or wrote anew",
            explanation: "A deletion in a later layer hides a file and removes nothing: whoever has the image has the \
                          layer, and whoever has the layer has the key.",
            detection: "Dead files of up to 64 KiB that hold a private key (PEM, OpenSSH, PGP, PuTTY), a token of a \
                        well-known form, a password in a file of settings or of logins (`.netrc`, \
                        `.git-credentials`, `.docker/config.json`, `.pgpass`) or its hash (`.htpasswd`), a service \
                        account's key, or a store of keys. Which files are looked at goes by their names and their \
                        first bytes.",
            fix: "Take the secret for known and replace it. Then give it to the RUN that needs it as \
                  `--mount=type=secret`, which no layer keeps.",
            kinds: &[
                ("private-key", "a private key"),
                ("token", "a token"),
                ("password", "a password, or the hash of one"),
                ("service-account", "the key of a service account"),
                ("key-store", "a store of keys"),
            ],
            confidence: Confidence::High,
            exact: false,
            level: Level::Error,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!(
            "{} hides a {} that {} wrote; everybody who has the image can read it: {}",
            told.killer(),
            told.kind().replace('-', " "),
            told.creator(),
            told.files()
        )
    }
}

impl Advisory for DeletedSecret {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let ledger = whole.subject.ledger;
        for dead in ledger.dead().iter().filter(|dead| dead.bytes > 0) {
            // what lives on elsewhere is no better hidden, but it was not deleted
            let facts = ledger.indexes()[dead.inode.layer as usize].facts();
            let secret = facts.of(dead.inode.entry).find_map(|fact| match fact {
                Fact::Secret(secret) => Some(*secret),
                _ => None,
            });
            let kind = match secret {
                None => continue,
                Some(Secret::PrivateKey) => "private-key",
                Some(Secret::Token) => "token",
                Some(Secret::Password) => "password",
                Some(Secret::ServiceAccount) => "service-account",
                Some(Secret::KeyStore) => "key-store",
            };
            let hit = Hit {
                kind,
                creator: Some(dead.creator()),
                killer: Some(dead.killer),
                bytes: dead.bytes,
                path: dead.path.as_bytes().to_vec(),
                is_tree: false,
                other: None,
                package: None,
                file: None,
            };
            hits.add(&DeletedSecret, hit);
        }
    }
}
