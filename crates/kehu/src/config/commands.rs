//! Flags of the commands about keys and the journal.

use clap::{Args, Subcommand};
use kehu_store::journal::Head;
use uuid::Uuid;

use super::Data;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Print a new key, as KEHU_KEK or a key file holds it
    New,
    /// Print the roots of organisations, which key wraps them, and how far rotations are; a server may be running
    Status(KeysStatus),
    /// Give an organisation another root, and seal everything under it anew: a job that a running server does
    Rotate(KeysOf),
    /// Give the index of sealed values another root, and index everything anew: a job that a running server does
    Reindex(KeysOf),
    /// Wrap every root under the first key of KEHU_KEK or of the key file; the others may then be taken away
    Rewrap(KeysRewrap),
    /// Make a new key that signs access tokens; the one before it is believed as long as its tokens are good
    RotateSigning(KeysSigning),
}

#[derive(Args)]
pub(crate) struct KeysStatus {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Short name of the organisation; without it every one, and the installation itself as -
    #[arg(long, value_name = "SLUG", allow_hyphen_values = true)]
    pub(crate) org: Option<String>,
    /// Count the cells under each root: reads every row that has some
    #[arg(long)]
    pub(crate) cells: bool,
}

#[derive(Args)]
#[command(group(clap::ArgGroup::new("whose").required(true).args(["org", "all"])))]
pub(crate) struct KeysOf {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Short name of the organisation; the installation itself is -
    #[arg(long, value_name = "SLUG", allow_hyphen_values = true)]
    pub(crate) org: Option<String>,
    /// Every organisation, and the installation itself
    #[arg(long)]
    pub(crate) all: bool,
    /// Print how far it is until it is done; exit code 1 if it fails
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Args)]
pub(crate) struct KeysRewrap {
    #[command(flatten)]
    pub(crate) data: Data,
}

#[derive(Args)]
pub(crate) struct KeysSigning {
    #[command(flatten)]
    pub(crate) data: Data,
    /// A key is not secret any more: believe no other one, within a minute on servers that run; clients refresh
    #[arg(long)]
    pub(crate) at_once: bool,
}

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Verify the journal: exit code 0 if nothing in it was changed, removed, moved or added; a server may be running
    Verify(AuditVerify),
    /// Erase the old and new values of a record's entries, for good; what happened, when and by whom stays
    Erase(AuditErase),
}

#[derive(Args)]
pub(crate) struct AuditVerify {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Short name of the organisation; without it every one, and the installation itself as -
    #[arg(long, value_name = "SLUG")]
    pub(crate) org: Option<String>,
    /// The head that an earlier verification printed: tells whether an older copy of the database was put in place
    #[arg(long, value_name = "NUMBER:HASH", requires = "org")]
    pub(crate) head: Option<Head>,
}

#[derive(Args)]
pub(crate) struct AuditErase {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Short name of the organisation
    #[arg(long, value_name = "SLUG")]
    pub(crate) org: String,
    /// Kind of the record: customer, contact, follow_up …
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: String,
    /// Id of the record, which may be deleted
    #[arg(long, value_name = "ID")]
    pub(crate) record: Uuid,
    /// Why: kept in the journal
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}
