//! Tables as sea-orm sees them. Integers are `i64` and times `DateTimeUtc` on both engines.

#![expect(unreachable_pub, reason = "sea-orm derives public types that name these")]

pub(crate) mod access_review;
pub(crate) mod access_review_item;
pub(crate) mod account_failure;
pub(crate) mod allowance;
pub(crate) mod api_key;
pub(crate) mod attachment;
pub(crate) mod collaborator;
pub(crate) mod contact;
pub(crate) mod custom_link;
pub(crate) mod customer;
pub(crate) mod entry_rule;
pub(crate) mod erasure;
pub(crate) mod external_sign_in;
pub(crate) mod field;
pub(crate) mod follow_up;
pub(crate) mod form;
pub(crate) mod identity;
pub(crate) mod identity_provider;
pub(crate) mod invitation;
pub(crate) mod job;
pub(crate) mod journal;
pub(crate) mod journal_head;
pub(crate) mod journal_reader;
pub(crate) mod journal_stretch;
pub(crate) mod kept_answer;
pub(crate) mod login_failure;
pub(crate) mod note;
pub(crate) mod organisation;
pub(crate) mod password_history;
pub(crate) mod pii_index;
pub(crate) mod recovery_code;
pub(crate) mod right_use;
pub(crate) mod role;
pub(crate) mod schedule;
pub(crate) mod second_factor;
pub(crate) mod session;
pub(crate) mod signing_key;
pub(crate) mod submission;
pub(crate) mod submission_body;
pub(crate) mod tag;
pub(crate) mod tag_link;
pub(crate) mod team;
pub(crate) mod tenant_key;
pub(crate) mod user;
