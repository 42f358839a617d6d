{# Access, security, provisioning #}
{% set access = settings.access %}
{% set security = settings.security %}
{% set image_policy = provisioning.firmware.policy %}
{% set resync = provisioning.resync %}
{% if old_login %}
{{ s.given("http_user", access.admin_user or ("admin" if complete and access.admin_password else none), "access.admin_user") -}}
{% if complete %}
{{ s.given("http_pass", access.admin_password, "access.admin_password") -}}
{% endif %}
{% if (access.user_user or access.user_password) and not new_login %}
{{ note("access.user_user", "not supported: only firmware 10.1.198 and newer has a web login for the user") }}
{%- endif %}
{% endif %}
{% if new_login %}
{{ s.given("webserver_admin_name", access.admin_user or ("admin" if complete and access.admin_password else none), "access.admin_user") -}}
{{ s.given("webserver_user_name", access.user_user or ("user" if complete and access.user_password else none), "access.user_user") -}}
{% if complete %}
{{ s.given("webserver_admin_password", access.admin_password, "access.admin_password") -}}
{{ s.given("webserver_user_password", access.user_password, "access.user_password") -}}
{% endif %}
{% endif %}
{# in the user's mode menus need the password #}
{{ s.given("admin_mode", access.lock_menus|flag("off", "on"), "access.lock_menus") -}}
{% if complete and access.menu_pin %}
{{ s.given("admin_mode_password", access.menu_pin, "access.menu_pin") -}}
{{ s.given("admin_mode_password_confirm", access.menu_pin, "access.menu_pin") -}}
{% endif %}
{{ s.given("webserver_type", {"off": "off", "http": "http", "https": "https", "both": "http_https"}[access.web] if access.web else none, "access.web") -}}
{{ s.given("http_port", access.web_ports.http, "access.web_ports.http") -}}
{{ s.given("https_port", access.web_ports.https, "access.web_ports.https") -}}
{{ s.given("filter_registrar", security.trust_servers_only|flag("on", "off"), "security.trust_servers_only") -}}
{{ s.given("challenge_checksync", security.notify_auth|flag("on", "off"), "security.notify_auth") -}}
{{ s.given("check_fqdn_against_server_cert", security.tls.check_name|flag("on", "off"), "security.tls.check_name") -}}
{# commands by HTTP only for who has the web login #}
{{ s.given("restrict_uri_queries", "on") -}}
{{ s.given("setting_server", provisioning.url, "provisioning.url") -}}
{{ s.given("http_client_user", provisioning.username, "provisioning.username") -}}
{% if complete %}
{{ s.given("http_client_pass", provisioning.password, "provisioning.password") -}}
{% endif %}
{{ s.given("pnp_config", provisioning.pnp|flag("on", "off"), "provisioning.pnp") -}}
{% if resync.mode %}
{% set polls = resync.mode in ("interval", "daily", "weekly") %}
{% if text_form or model.family == "3xx" %}
{# one timer, no time of day #}
{{ s.given("settings_refresh_timer", (resync.every_s or 86400) if resync.mode == "interval" else ("86400" if polls else "0"), "provisioning.resync") -}}
{% if resync.mode in ("daily", "weekly") %}
{{ note("provisioning.resync", "this phone has no time of day for it: it reads its settings every 24 hours") }}
{%- endif %}
{% else %}
{{ s.given("settings_refresh_timer", "0", "provisioning.resync") -}}
{{ s.given("prov_polling_enabled", "on" if polls else "off", "provisioning.resync") -}}
{% if polls %}
{% set at = resync.at or "03:00" %}
{{ s.given("prov_polling_mode", "rel" if resync.mode == "interval" else ("random" if resync.random_s else "abs"), "provisioning.resync") -}}
{{ s.given("prov_polling_period", (resync.every_s or 86400) if resync.mode == "interval" else "86400", "provisioning.resync") -}}
{% if resync.mode != "interval" %}
{{ s.given("prov_polling_time", at, "provisioning.resync") -}}
{% if resync.random_s %}
{% set until = at.split(":")[0]|int * 60 + at.split(":")[1]|int + [resync.random_s // 60, 1]|max %}
{{ s.given("prov_polling_time_rand_end", "%02d:%02d"|format(until // 60 % 24, until % 60), "provisioning.resync") -}}
{% endif %}
{% endif %}
{% if resync.mode == "weekly" %}
{{ note("provisioning.resync.days", "not supported: this phone reads its settings every day") }}
{%- endif %}
{% endif %}
{% endif %}
{% endif %}
{# the document that names the image; one of another server is a document too #}
{% if provisioning.firmware.url %}
{{ s.given("firmware_status", provisioning.firmware.url, "provisioning.firmware.url") -}}
{% elif image and image.complete and not model.generic %}
{{ s.given("firmware_status", server_for("snom" ~ model.name ~ ("-" ~ device.MAC if complete and not text_form else "") ~ ("-firmware.htm" if text_form else "-firmware.xml")), "provisioning.firmware") -}}
{% endif %}
{% if image_policy or provisioning.firmware.version or provisioning.firmware.url %}
{{ s.given("update_policy", {"never": "never_update_firm", "ask": "ask_for_update"}[image_policy or "upgrade"] or "auto_update", "provisioning.firmware") -}}
{% endif %}
