//! Which roles may call which operation. Each operation declares them itself (`security(("token" = ["admin", …]))`); here the declarations
//! become one table that is asked before every call. An operation that declares nothing is for admins.

use std::{collections::HashMap, sync::LazyLock};

use axum::http::Method;
use offhook_core::token::Role;
use serde_json::{Value, json};

use super::operations;

/// An operation by its method and the path as the router has it.
type Table = HashMap<String, HashMap<String, Vec<Role>>>;

/// The roles that may call this operation. A path that is no operation's is for admins; a method that the path has not is nobody's business
/// here: `None`, and the router says so.
pub(super) fn of(method: &Method, path: &str) -> Option<&'static [Role]> {
    static TABLE: LazyLock<Table> = LazyLock::new(table);
    let Some(operations) = TABLE.get(path) else { return Some(&[Role::Admin]) };
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    operations.get(&method).map(Vec::as_slice)
}

fn table() -> Table {
    let (_, api) = operations().split_for_parts();
    let document = serde_json::to_value(api).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    let of_path = |item: &Value| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(|(method, operation)| (method.clone(), declared(operation))).collect()
    };
    paths.map(|(path, item)| (path.clone(), of_path(item))).collect()
}

/// What an operation declares.
pub(super) fn declared(operation: &Value) -> Vec<Role> {
    let alternatives = operation["security"].as_array().into_iter().flatten();
    let names = alternatives.filter_map(|a| a["token"].as_array()).flatten().filter_map(Value::as_str);
    let roles: Vec<Role> = names.filter_map(Role::parse).collect();
    if roles.is_empty() { vec![Role::Admin] } else { roles }
}

/// As OpenAPI has it: alternatives, each of one role.
pub(super) fn alternatives(roles: &[Role]) -> Value {
    roles.iter().map(|role| json!({ "token": [role.as_str()] })).collect()
}

/// `admin, operator or installer`.
pub(super) fn in_words(roles: &[Role]) -> String {
    match roles.split_last() {
        None => String::new(),
        Some((only, [])) => only.as_str().to_owned(),
        Some((last, first)) => format!("{} or {}", first.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(", "), last.as_str()),
    }
}
