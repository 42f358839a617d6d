{# Dial plan, for all phones or for one. Ours:  x a digit, [1-5] one of these, ( ) for $1, `,` second dial tone, final `.` any more
   The phone's: `.` a character, `*` one or more, `,` second dial tone, \* a star; %1 to %5 in Rewrite are the runs of wildcards.
   A set of digits becomes one TEMPLATE for each of its members. The longest match wins, whatever the order. #}
{% set calls = settings.calls %}
{% set tag = first_line("user_param") %}
{% set plan = namespace(any=false, lines=0) %}
<DIALTEMPLATE>
{% for rule in calls.dial_plan or [] %}
{# -- every alternative without sets -- #}
{% set a = namespace(all=[""], inside=false, members="", last="", range=false) %}
{% for c in rule.match|list %}
{% if a.inside and c == "]" %}
{% set a.inside = false %}
{% if "0123456789"|list|select("in", a.members)|list|length == 10 %}
{% set a.members = "x" %}
{% elif a.members|length * a.all|length > 40 %}
{% set a.members = "x" %}
{{ note("calls.dial_plan", "too many combinations in " ~ rule.match ~ ": its set matches any digit") }}
{%- endif %}
{% set grown = namespace(all=[]) %}
{% for one in a.all %}
{% for member in a.members|list %}
{% set grown.all = grown.all + [one ~ member] %}
{% endfor %}
{% endfor %}
{% set a.all = grown.all %}
{% elif a.inside and c == "-" and a.last %}
{% set a.range = true %}
{% elif a.inside %}
{% for d in "0123456789"|list if a.range and d > a.last and d < c %}
{% set a.members = a.members ~ d %}
{% endfor %}
{% set a.members = a.members ~ c %}
{% set a.range = false %}
{% set a.last = c %}
{% elif c == "[" %}
{% set a.inside = true %}
{% set a.members = "" %}
{% set a.last = "" %}
{% else %}
{% set longer = namespace(all=[]) %}
{% for one in a.all %}
{% set longer.all = longer.all + [one ~ c] %}
{% endfor %}
{% set a.all = longer.all %}
{% endif %}
{% endfor %}
{# -- one TEMPLATE for each -- #}
{% for one in a.all %}
{% set m = namespace(match="", run=0, wild=0, group=0, wild_group=0, captures=[], capture="", clear=true, open=false) %}
{% for c in one|list %}
{% if c == "(" %}
{% set m.group = m.captures|length + 1 %}
{% set m.capture = "" %}
{% elif c == ")" %}
{% set m.captures = m.captures + [m.capture] %}
{% set m.group = 0 %}
{% elif c in ("x", "X") or (c == "." and loop.last) or (c == "." and one|list|length == loop.index + 1) %}
{% if m.wild == 0 or (c == "." and m.wild > 1) %}
{# `..*` may be one run or two: the second is empty when it is one #}
{% set m.run = m.run + 1 %}
{% set m.capture = m.capture ~ "%" ~ m.run %}
{% endif %}
{% if m.wild > 0 and m.wild_group != m.group %}
{# the phone would see one run where the rule has two parts #}
{% set m.clear = false %}
{% endif %}
{% set m.wild = m.wild + 1 %}
{% set m.wild_group = m.group %}
{% if c == "." %}
{% set m.open = true %}
{% set m.match = (m.match[:-1] if m.wild > 1 else m.match) ~ "*" %}
{% else %}
{% set m.match = m.match ~ "." %}
{% endif %}
{% else %}
{% set m.wild = 0 %}
{% set m.match = m.match ~ ("\\*" if c == "*" else c) %}
{% if c != "," %}
{% set m.capture = m.capture ~ c %}
{% endif %}
{% endif %}
{% endfor %}
{% set r = namespace(text="", dollar=false, known=m.clear) %}
{% for c in (rule.replace or "")|list %}
{% if c == "$" %}
{% set r.dollar = true %}
{% elif r.dollar %}
{% set r.dollar = false %}
{% set r.known = r.known and m.captures|length >= c|int and c|int > 0 and m.run <= 5 %}
{% set r.text = r.text ~ (m.captures[c|int - 1] if r.known else "") %}
{% else %}
{% set r.text = r.text ~ c %}
{% endif %}
{% endfor %}
{% if "$" in (rule.replace or "") and not r.known %}
{{ note("calls.dial_plan", "left out, this phone cannot take these parts of " ~ rule.match ~ " apart") }}
{%- else %}
{% set plan.lines = plan.lines + 1 %}
{% if m.match == "*" %}
{% set plan.any = true %}
{% endif %}
  <TEMPLATE MATCH="{{ m.match }}" Timeout="{{ rule.timeout_s if rule.timeout_s is defined and rule.timeout_s is not none else ("5" if m.open else "0") }}"
{%- if tag in ("phone", "ip") %} User="{{ "IP" if tag == "ip" else "Phone" }}"{% endif %}
{%- if rule.replace %} Rewrite="{{ r.text }}"{% endif %}
{%- if rule.emergency and settings.emergency.server %} Route="emergency"{% elif rule.line %} Route="proxy{{ rule.line }}"{% endif %}/>
{% endif %}
{% endfor %}
{% endfor %}
{% if plan.lines > 100 %}
{{ note("calls.dial_plan", "makes " ~ plan.lines ~ " lines; this phone reads 8 KB, about a hundred of them") }}
{%- endif %}
{% if not plan.any %}
  <TEMPLATE MATCH="*" Timeout="5"
{%- if tag in ("phone", "ip") %} User="{{ "IP" if tag == "ip" else "Phone" }}"{% endif %}/>
{% endif %}
</DIALTEMPLATE>
