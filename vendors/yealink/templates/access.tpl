# Access, security, provisioning
{% set access = settings.access %}
{% set security = settings.security %}
{% set tls = security.tls %}
{% set remote = access.remote_control %}
{% set firmware = provisioning.firmware %}
{% set resync = provisioning.resync %}
{{ y.system("security.user_name.admin", access.admin_user) -}}
{{ y.system("security.user_name.user", access.user_user) -}}
{# one parameter, a line for each user #}
{% if complete and access.admin_password %}
{{ y.system("security.user_password", (access.admin_user or "admin") ~ ":" ~ access.admin_password) -}}
{% endif %}
{% if complete and access.user_password %}
{{ y.system("security.user_password", (access.user_user or "user") ~ ":" ~ access.user_password) -}}
{% endif %}
{% if access.web %}
{{ y.system("wui.http_enable", "1" if access.web in ("http", "both") else "0") -}}
{{ y.system("wui.https_enable", "1" if access.web in ("https", "both") else "0") -}}
{% if before_80 %}
network.web_server_type = {{ {"off": 0, "both": 1, "http": 2, "https": 3}[access.web] }}
{% endif %}
{% endif %}
{{ y.system("network.port.http", access.web_ports.http) -}}
{{ y.system("network.port.https", access.web_ports.https) -}}
{% if complete %}
{{ y.given("phone_setting.phone_lock.unlock_pin", access.menu_pin) -}}
{% endif %}
{# an empty list: nobody #}
{% if remote.hosts is defined and remote.hosts is not none %}
features.action_uri.enable = {{ "1" if remote.hosts else "0" }}
{{ y.put("features.action_uri_limit_ip", remote.hosts|join(",")) -}}
{{ y.put("push_xml.server", remote.hosts|join(",")) -}}
{% endif %}
{% if last >= 83 %}
{{ y.given("push_xml.username", remote.user) -}}
{% if complete %}
{{ y.given("push_xml.password", remote.password) -}}
{% endif %}
{% elif remote.user or remote.password %}
{{ note("access.remote_control", "a login is not supported before V83: the hosts alone count") }}
{%- endif %}
{{ y.given("sip.trust_ctrl", security.trust_servers_only|flag) -}}
{{ y.given("features.direct_ip_call_enable", security.direct_ip_calls|flag) -}}
{% if tls.verify %}
{{ y.system("security.trust_certificates", "0" if tls.verify == "none" else "1") -}}
{% if tls.verify != "none" %}
{{ y.system("security.ca_cert", {"builtin": 0, "custom": 1, "both": 2}[tls.verify]) -}}
{% endif %}
{% endif %}
{{ y.system("security.cn_validation", tls.check_name|flag) -}}
{% set own = asset("security.client_certificate") %}
{% if own %}
{{ y.system("security.dev_cert", "1") -}}
{{ y.system("server_certificates.url", own) -}}
{% endif %}
{% if tls.min %}
{{ y.system("security.default_ssl_method", lookup("tls_versions", tls.min ~ "", "security.tls.min")) -}}
{% endif %}
{% for certificate in security.ca_certificates or [] %}
{{ y.system("trusted_certificates.url", asset(certificate, "security.ca_certificates")) -}}
{% endfor %}
{# a NOTIFY check-sync restarts the phone only when it says so #}
sip.notify_reboot_enable = 0
{% if provisioning.url %}
{{ y.system("auto_provision.server.url", provisioning.url) -}}
{% endif %}
{{ y.system("auto_provision.server.username", provisioning.username) -}}
{% if complete %}
{{ y.system("auto_provision.server.password", provisioning.password) -}}
{% endif %}
{{ y.system("auto_provision.pnp_enable", provisioning.pnp|flag) -}}
{% if provisioning.redirect_lock is defined and provisioning.redirect_lock is not none %}
{{ y.system("zero_touch.enable", "0" if provisioning.redirect_lock else "1") -}}
{% endif %}
{# keys of encrypted files: one for what several phones read, one for the phone's own #}
{% set encryption = provisioning.encryption %}
{% if complete %}
{% for name, key in [("com", encryption.key_common), ("mac", encryption.key_device)] if key %}
{% if last >= 84 %}
static.auto_provision.aes_key.{{ name }} = {{ key }}
{% endif %}
{% if first < 84 %}
{{ y.system("auto_provision.aes_key_16." ~ name, key) -}}
{% if key|length != 16 %}
{{ note("provisioning.encryption", "before V84 a key has 16 characters") }}
{%- endif %}
{% endif %}
{% endfor %}
{# without a key the phone would never read a file again #}
{% if encryption.only and not (encryption.key_common or encryption.key_device) %}
{{ note("provisioning.encryption.only", "not used: no key is set") }}
{%- else %}
{{ y.system("auto_provision.update_file_mode", encryption.only|flag) -}}
{% endif %}
{% endif %}
{# what the phone may write; all of it to the provisioning URL #}
{% set uploads = provisioning.uploads %}
{% if uploads is defined and uploads is not none %}
{% if new_names %}
{% for what, parameter in tables.uploads|items %}
static.{{ parameter }} = {{ "1" if what in uploads else "0" }}
{% endfor %}
{% elif uploads %}
{{ note("provisioning.uploads", "not supported before V81") }}
{%- endif %}
{% for what in uploads if tables.uploads[what] is not defined %}
{{ note("provisioning.uploads", "not supported: " ~ what) }}
{%- endfor %}
{% endif %}
{% if provisioning.retry_s and new_names %}
{# 1 to 300 #}
static.auto_provision.retry_delay_after_file_transfer_failed = {{ [provisioning.retry_s, 300]|min }}
{% if provisioning.retry_s > 300 %}
{{ note("provisioning.retry_s", "the nearest that this phone takes is 300") }}
{%- endif %}
{% endif %}
{% if provisioning.dhcp_options is defined %}
{{ y.system("auto_provision.dhcp_option.enable", "1" if provisioning.dhcp_options else "0") -}}
{{ y.system("auto_provision.dhcp_option.list_user_options", provisioning.dhcp_options|join(",")) -}}
{% endif %}
{% if resync.mode %}
{{ y.system("auto_provision.power_on", "0" if resync.mode == "off" else "1") -}}
{{ y.system("auto_provision.repeat.enable", "1" if resync.mode == "interval" else "0") -}}
{% if resync.mode == "interval" %}
{{ y.system("auto_provision.repeat.minutes", [(resync.every_s or 86400) // 60, 1]|max) -}}
{% endif %}
{% set weekly = resync.mode in ("daily", "weekly") %}
{{ y.system("auto_provision.weekly.enable", "1" if weekly else "0") -}}
{% if weekly %}
{# days as digits, 0 is Sunday; the phone picks a moment between begin and end #}
{% set days = namespace(text="") %}
{% for day in resync.days or [] %}
{% set days.text = days.text ~ (day % 7) %}
{% endfor %}
{% set at = (resync.at or "03:00").split(":") %}
{% set until = at[0]|int * 60 + at[1]|int + [(resync.random_s or 3600) // 60, 1]|max %}
{{ y.system("auto_provision.weekly.dayofweek" if last >= 81 else "auto_provision.weekly.mask", "0123456" if resync.mode == "daily" or not days.text else days.text) -}}
{{ y.system("auto_provision.weekly.begin_time", at[0] ~ ":" ~ at[1]) -}}
{{ y.system("auto_provision.weekly.end_time", "%02d:%02d"|format(until // 60 % 24, until % 60)) -}}
{% endif %}
{% endif %}
{# only a firmware that is stored, of the phone's own image, and never a step back unless an exact version is wanted #}
{% if firmware.policy == "ask" %}
{{ note("provisioning.firmware.policy", "not supported: this phone does not ask its user; no firmware is given") }}
{%- elif firmware.policy != "never" %}
{% if firmware.url %}
{{ y.system("firmware.url", firmware.url) -}}
{% elif image and image.complete and (not model.image_prefix or image.name.split(".")[0]|int == model.image_prefix) %}
{% if firmware.policy != "upgrade" or not device.firmware or not device.firmware|at_least(image.name) %}
{{ y.system("firmware.url", server_for(image.files[0])) -}}
{% endif %}
{% endif %}
{% endif %}
