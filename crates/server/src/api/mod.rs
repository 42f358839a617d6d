//! The REST API: `/api/v1`, health and metrics, on the admin listener. It turns HTTP into calls of [`crate::app`] and
//! errors into problem documents, and decides nothing.

use std::time::Duration;

use axum::{Extension, Router, middleware};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    http::connections::{self, HttpOptions},
};

pub mod accounts;
pub mod address_maps;
pub mod assets;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod body;
pub mod devices;
pub mod docs;
pub mod etag;
pub mod firmware;
pub mod health;
pub mod history;
mod idempotency;
pub mod imports;
pub mod jobs;
pub mod listing;
pub mod openapi;
pub mod packs;
pub mod params;
pub mod phonebooks;
pub mod problem;
pub mod profiles;
pub mod requests;
mod roles;
pub mod settings;
pub mod simulate;
pub mod site;
pub mod templates;
pub mod tenants;
pub mod tokens;

#[cfg(test)]
mod tests;

/// How many connections administrators may have open; live streams are among them.
const CONNECTIONS: usize = 512;
/// How long a connection may take for a request head, or be idle.
const IDLE: Duration = Duration::from_secs(60);

/// Serves the API on these listeners until `stop`.
pub async fn serve(listeners: Vec<TcpListener>, app: App, stop: CancellationToken) {
    let router = router(app);
    let options = HttpOptions { connections: CONNECTIONS, idle: IDLE };
    connections::serve(listeners, options, stop, move |peer, _| {
        TowerToHyperService::new(Extension(auth::Peer(peer)).layer(router.clone()))
    })
    .await;
}

/// Everything that the admin listener answers.
pub fn router(app: App) -> Router {
    let (router, _) = operations().split_for_parts();
    router
        .merge(docs::router())
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(middleware::from_fn_with_state(app.clone(), auth::guard))
        .with_state(app)
}

/// Every operation, with its description.
fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::head()).merge(health::routes()).nest("/api/v1", v1())
}

fn v1() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(devices::list, devices::create))
        .routes(routes!(devices::read, devices::replace, devices::patch, devices::delete))
        .routes(routes!(devices::settings))
        .routes(routes!(devices::files))
        .routes(routes!(devices::preview))
        .routes(routes!(devices::check))
        .routes(routes!(devices::sync))
        .routes(routes!(devices::bulk))
        .routes(routes!(imports::devices))
        .routes(routes!(imports::macs))
        .routes(routes!(devices::requests))
        .routes(routes!(devices::uploads::list))
        .routes(routes!(devices::uploads::read, devices::uploads::delete))
        .routes(routes!(profiles::list, profiles::create))
        .routes(routes!(profiles::read, profiles::replace, profiles::patch, profiles::delete))
        .routes(routes!(site::read, site::replace, site::patch))
        .routes(routes!(tenants::list, tenants::create))
        .routes(routes!(tenants::read, tenants::replace, tenants::patch, tenants::delete))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::read, accounts::replace, accounts::patch, accounts::delete))
        .routes(routes!(address_maps::list, address_maps::create))
        .routes(routes!(address_maps::read, address_maps::replace, address_maps::patch, address_maps::delete))
        .routes(routes!(templates::list))
        .routes(routes!(templates::read, templates::replace, templates::delete))
        .routes(routes!(templates::check))
        .routes(routes!(templates::apply))
        .routes(routes!(templates::copy))
        .routes(routes!(assets::list, assets::upload))
        .routes(routes!(assets::read, assets::delete))
        .routes(routes!(assets::contents, assets::replace))
        .routes(routes!(phonebooks::list, phonebooks::create))
        .routes(routes!(phonebooks::read, phonebooks::replace, phonebooks::patch, phonebooks::delete))
        .routes(routes!(phonebooks::import))
        .routes(routes!(phonebooks::export))
        .routes(routes!(firmware::list, firmware::upload))
        .routes(routes!(firmware::catalogue))
        .routes(routes!(firmware::assignments))
        .routes(routes!(firmware::fetch))
        .routes(routes!(firmware::unpack))
        .routes(routes!(firmware::assign))
        .routes(routes!(firmware::unassign))
        .routes(routes!(firmware::read, firmware::delete))
        .routes(routes!(packs::list, packs::install))
        .routes(routes!(packs::installable))
        .routes(routes!(packs::read, packs::remove))
        .routes(routes!(packs::upgrade))
        .routes(routes!(packs::models))
        .routes(routes!(packs::files))
        .routes(routes!(backup::save))
        .routes(routes!(backup::restore))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::read, jobs::cancel))
        .routes(routes!(requests::list))
        .routes(routes!(requests::stream))
        .routes(routes!(requests::read))
        .routes(routes!(simulate::simulate))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(settings::schema))
        .merge(history::routes())
        .routes(routes!(audit::list))
        .routes(routes!(audit::read))
}
