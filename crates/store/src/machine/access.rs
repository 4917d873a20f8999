//! Who can see a record, and by which rule: the predicate that every door applies, told in words.

use kehu_domain::field::{Field, Sight};
use kehu_domain::record::Kind;
use kehu_domain::rights::{ACTIONS, Access, Action, Reach, Right, Rights, Standing, actions_of};
use kehu_domain::show::Out;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::org::{Person, rights_of};
use crate::policy::{is_private, standing_to};
use crate::refusals::{Refusal, noting};

use super::answer::Answer;
use super::{Resource, Shown};

/// What a user can do with a record, and by which role and reach; without one, the caller. Of others it is told to
/// those who grant rights, and to those who may give the record away.
///
/// # Errors
/// [`Failure::NotFound`]: no such record within the caller's reach, or no such user. [`Failure::Forbidden`].
pub async fn access(caller: &Caller, resource: Resource, id: Uuid, user: Option<Uuid>) -> Result<Answer, Failure> {
    let machine = resource.0;
    let kind = machine.kind();
    noting(caller, Refusal::of(kind.name, "read", Some(id)), async {
        let record = machine.load(caller, vec![id]).await?.into_iter().next().ok_or(Failure::NotFound)?;
        let own = caller.principal().user();
        let user = user.or(own).ok_or(Failure::NotFound)?;
        let may_ask =
            caller.rights().grants(Right::RightsGrant) || caller.covers(Action::Transfer, kind, record.base());
        if Some(user) != own && !may_ask {
            return Err(Failure::Forbidden);
        }
        let person = caller.org().users.get(&user).ok_or(Failure::NotFound)?;
        Ok(Answer { id: None, etag: None, body: told(caller, &*record, user, person) })
    })
    .await
}

fn told(caller: &Caller, record: &dyn Shown, user: Uuid, person: &Person) -> String {
    let (org, kind, base) = (caller.org(), record.kind(), record.base());
    let teams = person.team_id.map(|team| org.team_and_below(team)).unwrap_or_default();
    let standing = standing_to((Some(user), &teams), base);
    let team = base.team_id.filter(|_| standing.team);
    // However far a role reaches, what is somebody's alone is out of it.
    let lets = !person.disabled && (standing.own || !is_private(kind, base));
    let mut out = Out::new();
    out.object(|out| {
        out.key("user").object(|out| {
            out.key("id").id(user);
            out.key("name").text(&person.name.name);
        });
        out.key("disabled").flag(person.disabled);
        out.key("roles").texts(person.roles.iter().map(String::as_str));
        out.key("standing").object(|out| {
            out.key("own").flag(standing.own);
            out.key("team");
            match team {
                Some(team) => out.object(|out| {
                    out.key("id").id(team);
                    out.key("name").text_or_null(org.name_of(team).map(|name| name.name.as_str()));
                }),
                None => out.null(),
            }
            out.key("shared").text_or_null(standing.shared.map(|access| match access {
                Access::Read => "read",
                Access::Write => "write",
            }));
        });
        out.key("can").object(|out| {
            for (action, word) in ACTIONS.iter().filter(|(action, _)| actions_of(kind.name).contains(action)) {
                out.key(word);
                rules(out, caller, person.roles.iter().filter(|_| lets), (kind, *action), standing);
            }
        });
        let reads = lets && person.rights.reach(Action::Read, kind.name).covers(Action::Read, standing);
        fields(out, kind, &person.rights, standing, reads);
    });
    out.into_text()
}

/// The rules that let a user do something: a role, and how far it reaches. Of none he may not.
fn rules<'r>(
    out: &mut Out,
    caller: &Caller,
    roles: impl Iterator<Item = &'r String>,
    (kind, action): (&Kind, Action),
    standing: Standing,
) {
    out.array(|out| {
        for role in roles {
            let Some(rights) = rights_of(caller.org(), role) else { continue };
            let reach = rights.reach(action, kind.name);
            let parts = if reach.all { vec!["all"] } else { reach.words() };
            let covers = |word: &&str| Reach::from_word(word).is_some_and(|part| part.covers(action, standing));
            for word in parts.into_iter().filter(covers) {
                out.object(|out| {
                    out.key("role").text(role);
                    out.key("reach").text(word);
                });
            }
        }
    });
}

/// Names of the fields that are not seen in full, and of those that are only read.
fn fields(out: &mut Out, kind: &Kind, rights: &Rights, standing: Standing, reads: bool) {
    let relation = standing.relation();
    let sees = |field: &Field| if reads { rights.sees(kind.name, field, relation) } else { Sight::Hidden };
    let named = |sight| kind.fields.iter().filter(move |field| sees(field) == sight).map(|field| field.name);
    out.key("hidden").texts(named(Sight::Hidden));
    out.key("masked").texts(named(Sight::Masked));
    let read_only = kind.fields.iter().filter(|field| !rights.writes(kind.name, field.name));
    out.key("read_only").texts(read_only.map(|field| field.name));
}
