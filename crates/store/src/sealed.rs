//! What is sealed, and where it lies: every table that holds cells, and the frozen names of its fields. Whoever walks
//! the cells (a rotation of keys, a test) walks this list.

use crate::crypto::cell::FieldPath;

/// What a column of a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// An id.
    Id,
    /// A number.
    Number,
    /// Bytes.
    Bytes,
}

/// How a table with cells is walked.
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// The columns that order it within an organisation, in the order of an index; together they name one row.
    pub(crate) key: &'static [(&'static str, Part)],
    /// The column with the id that its cells are bound to.
    pub(crate) row: &'static str,
    /// Whether its rows say whose they are; those of the others belong to the installation.
    pub(crate) has_org: bool,
    /// How many rows are sealed anew in one transaction: few where cells are large.
    pub(crate) together: u32,
    /// Its sealed columns.
    pub(crate) cells: &'static [FieldPath],
}

macro_rules! tables {
    ($($module:ident: $table:ident [$($key:ident $part:ident),+] $row:ident $has_org:literal $together:literal {
        $($(#[doc = $doc:literal])* $name:ident: $path:literal = $column:ident;)+
    })+) => {
        $(
            pub(crate) mod $module {
                use super::FieldPath;
                $($(#[doc = $doc])* pub(crate) const $name: FieldPath =
                    FieldPath::new($path, stringify!($table), stringify!($column));)+
            }
        )+
        /// Every table that holds cells.
        pub(crate) static TABLES: &[Table] = &[$(Table {
            name: stringify!($table),
            key: &[$((stringify!($key), Part::$part)),+],
            row: stringify!($row),
            has_org: $has_org,
            together: $together,
            cells: &[$($module::$name),+],
        }),+];
    };
}

tables! {
    customer: customers [id Id] id true 200 {
        ADDRESS: "customer.address" = address;
        PHONES: "customer.phones" = phones;
        EMAILS: "customer.emails" = emails;
        WECHAT: "customer.wechat" = wechat;
        ID_NUMBER: "customer.id_number" = id_number;
        BANK_ACCOUNTS: "customer.bank_accounts" = bank_accounts;
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "customer.custom" = custom_sealed;
        /// A hash over what a client said of a record whose id it made.
        SAID: "customer.client_said" = client_said;
    }
    contact: contacts [id Id] id true 200 {
        PHONES: "contact.phones" = phones;
        EMAILS: "contact.emails" = emails;
        WECHAT: "contact.wechat" = wechat;
        BIRTHDAY: "contact.birthday" = birthday;
        ID_NUMBER: "contact.id_number" = id_number;
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "contact.custom" = custom_sealed;
        /// A hash over what a client said of a record whose id it made.
        SAID: "contact.client_said" = client_said;
    }
    follow_up: follow_ups [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "follow_up.custom" = custom_sealed;
        /// A hash over what a client said of a record whose id it made.
        SAID: "follow_up.client_said" = client_said;
    }
    tag: tags [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "tag.custom" = custom_sealed;
    }
    team: teams [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "team.custom" = custom_sealed;
    }
    role: roles [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "role.custom" = custom_sealed;
    }
    entry_rule: entry_rules [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "entry_rule.custom" = custom_sealed;
    }
    segment: segments [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "segment.custom" = custom_sealed;
    }
    field: fields [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "field.custom" = custom_sealed;
    }
    attachment: attachments [id Id] id true 200 {
        /// What the file beside the database is sealed under.
        FILE_KEY: "attachment.file_key" = file_key;
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "attachment.custom" = custom_sealed;
    }
    note: notes [id Id] id true 200 {
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "note.custom" = custom_sealed;
        /// A hash over what a client said of a record whose id it made.
        SAID: "note.client_said" = client_said;
    }
    user: users [id Id] id true 200 {
        EMAIL: "user.email" = email;
        MOBILE: "user.mobile" = mobile;
        USER_NAME: "user.user_name" = user_name;
        LAST_LOGIN_ADDRESS: "user.last_login_address" = last_login_address;
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "user.custom" = custom_sealed;
    }
    session: sessions [id Id] id true 200 {
        FAMILY_KEY: "session.family_key" = family_key;
        PREVIOUS_ADDRESS: "session.previous_address" = previous_address;
    }
    second_factor: second_factors [user_id Id] user_id true 200 {
        SEED: "second_factor.seed" = seed;
    }
    identity_provider: identity_providers [id Id] id true 200 {
        CLIENT_SECRET: "identity_provider.client_secret" = client_secret;
        /// What subjects are hashed under.
        SUBJECT_KEY: "identity_provider.subject_key" = subject_key;
    }
    external_sign_in: external_sign_ins [id Id] id true 200 {
        VERIFIER: "external_sign_in.verifier" = verifier;
    }
    form: forms [id Id] id true 200 {
        PUBLIC_KEY: "form.public_key" = public_key;
        ID_SALT: "form.id_salt" = id_salt;
        /// Values of sensitive custom fields, as JSON by their numbers.
        CUSTOM: "form.custom" = custom_sealed;
    }
    submission: submissions [id Id] id true 200 {
        DETAIL: "submission.detail" = detail;
    }
    submission_body: submission_bodies [submission_id Id] submission_id true 10 {
        RAW: "submission.raw" = raw;
    }
    job: jobs [id Id] id true 20 {
        PAYLOAD: "job.payload" = payload;
        CHECKPOINT: "job.checkpoint" = checkpoint;
        RESULT: "job.result" = result;
        DETAIL: "job.detail" = detail;
    }
    bulk_record: bulk_records [job_id Id, place Number] id true 200 {
        /// Why a record was not changed; it may quote values.
        ERROR: "bulk_record.error" = error;
    }
    access_review_item: access_review_items [review_id Id, user_id Id] id true 200 {
        REASON: "access_review_item.reason" = reason;
    }
    kept_answer: kept_answers [principal Id, key_hash Bytes, part Number] id true 20 {
        BODY: "kept_answer.body" = body;
        /// A hash over a request would let whoever has the table try out what stood in it.
        FINGERPRINT: "kept_answer.fingerprint" = fingerprint;
    }
    journal: journal [seq Number] id true 200 {
        /// Salt ‖ JSON.
        BODY: "journal.body" = body;
        /// Address and user agent, as JSON.
        ORIGIN: "journal.origin" = origin;
    }
    signing_key: signing_keys [id Id] id false 200 {
        PRIVATE_KEY: "installation.signing_key" = private_key;
    }
}
