//! The signed-in user: who, where, what may be done; the own password and sessions.

use std::collections::BTreeMap;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::field::{Group, Sight};
use kehu_domain::kinds::User;
use kehu_domain::record::Stored;
use kehu_domain::rights::{ACTIONS, RIGHTS, Sights, actions_of, kind_names};
use kehu_store::Caller;
use kehu_store::people::{self, ChangePassword, Me, Password, SessionInfo};

use crate::auth;
use crate::problem::Problem;
use crate::signed::{Signed, SignedJson, SignedToEnrol};

use super::key_types::ApiKey;
use super::members::Members;
use super::records::record_id;
use super::told::LastSignIn;
use super::types::{
    MeAnswer, MeOrganisation, MeSession, MeSights, MeUser, PasswordRequest, Reference, SessionsAnswer, SightWord,
};

type Reply = Result<HttpResponse, Problem>;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/me").route(web::get().to(me)))
        .service(web::resource("/v1/me/password").route(web::post().to(password)))
        .service(web::resource("/v1/me/sessions").route(web::get().to(sessions)).route(web::delete().to(end_others)))
        .service(web::resource("/v1/me/sessions/{id}").route(web::delete().to(end_session)));
}

async fn me(signed: SignedToEnrol) -> Reply {
    let SignedToEnrol { caller, query } = signed;
    query.finish()?;
    let me = people::me(&caller).await?;
    Ok(HttpResponse::Ok().json(answer(&caller, me)))
}

async fn password(request: HttpRequest, signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let said = PasswordRequest {
        old_password: members.required("old_password"),
        new_password: members.required("new_password"),
    };
    members.finish()?;
    let (old, new) = (Password::from(said.old_password), Password::from(said.new_password));
    let throttled = auth::state(&request)?.sign_ins.is_some();
    people::change_password(&caller, ChangePassword { old, new, throttled }).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn sessions(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let data = people::sessions(&caller).await?.into_iter().map(session).collect();
    Ok(HttpResponse::Ok().json(SessionsAnswer { data }))
}

async fn end_others(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    people::end_other_sessions(&caller).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn end_session(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    people::end_session(&caller, record_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn answer(caller: &Caller, me: Me) -> MeAnswer {
    let org = caller.org();
    let rights = caller.rights();
    let can = kind_names().map(|kind| {
        let known = ACTIONS.iter().filter(|(action, _)| actions_of(kind).contains(action));
        let reaches = known.map(|(action, name)| (*name, rights.reach(*action, kind).words()));
        (kind, reaches.collect())
    });
    let mut can: BTreeMap<_, BTreeMap<_, _>> = can.collect();
    // What is about no record reaches everything or nothing.
    for (right, (what, action)) in RIGHTS.iter().filter_map(|(right, name)| Some((*right, name.split_once('.')?))) {
        let reach = if rights.grants(right) { vec!["all"] } else { Vec::new() };
        can.entry(what).or_default().insert(action, reach);
    }
    let sees = |group| {
        let Sights { own, team, other } = rights.sights_of(group);
        MeSights { own: sight(own), team: sight(team), other: sight(other) }
    };
    let (last_sign_in, failed_since) = LastSignIn::of(me.before);
    let name_of = |id| org.name_of(id).map(|name| name.name.clone());
    MeAnswer {
        user: me.user.map(user),
        organisation: MeOrganisation {
            id: org.id,
            slug: org.slug.clone(),
            name: org.name.clone(),
            locale: org.locale.clone(),
            time_zone: org.time_zone.name().to_owned(),
            currency: org.currency.clone(),
            region: org.region.clone(),
        },
        roles: me.roles,
        teams: caller.teams().iter().map(|id| Reference { id: *id, name: name_of(*id) }).collect(),
        can,
        contact_data: sees(Group::Contact),
        identity: sees(Group::Identity),
        session: me.session.map(session),
        key: me.key.map(ApiKey::from),
        last_sign_in,
        failed_since,
    }
}

fn user(user: Stored<User>) -> MeUser {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let Stored { base, data, .. } = user;
    MeUser {
        id: base.id,
        name: data.name.as_str().to_owned(),
        email: text(data.email.as_ref().map(|email| email.as_str())),
        mobile: text(data.mobile.as_ref().map(|mobile| mobile.as_str())),
        user_name: text(data.user_name.as_ref().map(|name| name.as_str())),
    }
}

pub(super) fn session(info: SessionInfo) -> MeSession {
    let SessionInfo { id, client, device_name, created_at, last_seen_at, expires_at, current } = info;
    MeSession { id, client, device_name, created_at, last_seen_at, expires_at, current }
}

fn sight(sight: Sight) -> SightWord {
    match sight {
        Sight::Hidden => SightWord::Hidden,
        Sight::Masked => SightWord::Masked,
        Sight::Full => SightWord::Full,
    }
}
