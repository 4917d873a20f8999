//! Sets of tags that are added whole.

use kehu_domain::fields::Line;
use kehu_domain::kinds::Tag;
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use kehu_domain::tag_sets::{SetTag, TAG_SETS, TagSet, tag_set};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::machine::{Answer, TRIES, create, pause};
use crate::ops::tags;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

/// In which language a set is added: its names are an organisation's own from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Added {
    fn words(self, tag: &SetTag) -> (&'static str, &'static str) {
        match self {
            Self::Zh => tag.zh,
            Self::En => tag.en,
        }
    }
}

/// The sets there are, in both languages.
///
/// # Errors
/// [`Failure::Forbidden`] for who may not read tags.
pub async fn sets(caller: &Caller) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(Tag::KIND.name, "read", None), async {
        caller.reach(Action::Read, Tag::KIND.name)?;
        let data: Vec<Value> = TAG_SETS.iter().map(show).collect();
        Ok(Answer { id: None, etag: None, body: json!({ "data": data }).to_string() })
    })
    .await
}

fn show(set: &TagSet) -> Value {
    let tag = |tag: &SetTag| {
        json!({
            "name": { "zh-CN": tag.zh.0, "en": tag.en.0 }, "group": { "zh-CN": tag.zh.1, "en": tag.en.1 },
            "color": tag.color,
        })
    };
    let tags: Vec<Value> = set.tags.iter().map(tag).collect();
    json!({ "key": set.key, "label": { "zh-CN": set.zh, "en": set.en }, "tags": tags })
}

/// Adds the tags of a set, in a language or that of the organisation. A tag whose name is there already is left as it
/// is, so that a set may be added again.
///
/// # Errors
/// [`Failure::NotFound`] where there is no such set, [`Failure::Forbidden`] for who may not make tags.
pub async fn add_set(caller: &Caller, key: &str, language: Option<Added>) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(Tag::KIND.name, "create", None), async {
        caller.reach(Action::Create, Tag::KIND.name)?;
        let set = tag_set(key).ok_or(Failure::NotFound)?;
        let language = language.unwrap_or(if caller.org().locale == "en" { Added::En } else { Added::Zh });
        let mut tries = 1;
        loop {
            match caller.write(async move |tx: &Tx<'_>| add(tx, set, language).await).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                Err(failure) => return Err(failure),
                Ok(body) => return Ok(Answer { id: None, etag: None, body: body.to_string() }),
            }
        }
    })
    .await
}

async fn add(tx: &Tx<'_>, set: &'static TagSet, language: Added) -> Result<Value, Failure> {
    // Two who add it at the same moment take turns.
    tx.lock("tag sets").await?;
    let mut data = Vec::new();
    for tag in set.tags {
        let (name, group) = language.words(tag);
        let name = Line::from_stored(name.to_owned());
        let (id, created) = match tags::find(tx, &name).await? {
            Some(id) => (id, false),
            None => {
                let group = Some(Line::from_stored(group.to_owned()));
                let color = Some(Line::from_stored(tag.color.to_owned()));
                let made = Box::pin(create::write(tx, Tag { name: name.clone(), group, color })).await?;
                (made.base.id, true)
            }
        };
        data.push(json!({ "id": id, "name": name.as_str(), "created": created }));
    }
    Ok(json!({ "data": data }))
}
