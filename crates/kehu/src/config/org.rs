//! Flags of the commands about organisations.

use clap::{Args, Subcommand};

use super::Data;

#[derive(Subcommand)]
pub(crate) enum Org {
    /// Add an organisation with its first administrator; a server may be running beside
    Create(OrgCreate),
    /// Let people in from everywhere again, where the list of addresses shuts out those who could change it
    ClearAddresses(OrgNamed),
    /// Take the second factor of somebody who lost it and whom no administrator can help; a server may be running beside
    ResetSecondFactor(OrgLogin),
    /// Take the password of somebody whom no administrator can help, and print a link token that works once, to choose
    /// another one; a server may be running beside
    ResetPassword(OrgLogin),
}

#[derive(Args)]
pub(crate) struct OrgNamed {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Short name of the organisation
    #[arg(long, value_name = "SLUG")]
    pub(crate) slug: String,
}

#[derive(Args)]
pub(crate) struct OrgLogin {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Short name of the organisation
    #[arg(long, value_name = "SLUG")]
    pub(crate) slug: String,
    /// An e-mail, a mobile number or a user name that the user signs in with
    #[arg(long, value_name = "NAME")]
    pub(crate) login: String,
}

#[derive(Args)]
pub(crate) struct OrgCreate {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Short name: 2 to 40 lower-case letters, digits and hyphens, beginning with a letter
    #[arg(long, value_name = "SLUG")]
    pub(crate) slug: String,
    /// Name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// E-mail of its first administrator
    #[arg(long, value_name = "EMAIL")]
    pub(crate) admin_email: String,
    /// Read the administrator's password from standard input; without it one is made and printed once
    #[arg(long)]
    pub(crate) admin_password_stdin: bool,
}
