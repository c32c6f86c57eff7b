{#-
    Whether a program's name (user agent) is that of a bot: a crawler, a monitor, a link preview, a library or a steered browser.
    NULL when there is no name: a server's SDK sends none.

    The words are ours, kept against a public list: crawler-user-agents (MIT, github.com/monperrus/crawler-user-agents), whose examples
    tests/models/test_user_agents.py runs through this macro, beside names of real browsers, of which none may match. To mend the
    list: raise that package's version, look at what the test prints, and add words here.
-#}
{% macro is_bot(user_agent) -%}
    {{ matches('lower(' ~ user_agent ~ ')', bot_words() | join('|')) }}
{%- endmacro %}

{% macro bot_words() -%}
    {{ return([
        '(^|[^u])bot', '[^c]ubot', 'crawl', 'xrawl', 'spider', 'slurp', 'scrap', 'archive', 'index', 'harvest', 'fetch', 'grab',
        'httrack', 'compatible;', 'https?://', '[a-z0-9][.](com|io|net|org)', '@[a-z0-9-]+[.][a-z]', 'agent', 'scan', 'monitor',
        'uptime', 'synthetic', 'pingdom', 'zabbix', 'ptst/', 'lighthouse', 'appinsights', 'gtmetrix', 'inspect', 'optimiz',
        'headless', 'phantom', 'selenium', 'puppeteer', 'playwright', 'preview', 'embed', 'externalhit', 'facebookcatalog',
        'meta-external', 'whatsapp', 'viber', 'google[-io]', '-google', 'google favicon', 'feed', 'subscribers', 'news', 'valid',
        'check', 'verif', 'analy', 'audit', 'survey', 'search', 'python', 'java/', '[(]java[)]', 'curl', 'wget', 'lib-?www',
        'okhttp', 'axios', 'ruby', 'perl', 'http-?client', 'client/', 'go-http', 'anthropic', '-ai$', '-user/', 'perplexity'
    ]) }}
{%- endmacro %}

{#- Kind of device by the program's name: phone, tablet, desktop or other; NULL when there is no name. -#}
{% macro device_category(user_agent) -%}
    case
        when {{ user_agent }} is null then null
        when {{ user_agent }} like '%iPad%' then 'tablet'
        when {{ user_agent }} like '%iPhone%' or {{ user_agent }} like '%iPod%' then 'phone'
        when {{ user_agent }} like '%Android%' and {{ user_agent }} like '%Mobile%' then 'phone'
        when {{ user_agent }} like '%Android%' then 'tablet'
        when
            {{ user_agent }} like '%Windows%' or {{ user_agent }} like '%Macintosh%'
            or {{ user_agent }} like '%X11%' or {{ user_agent }} like '%CrOS%'
            then 'desktop'
        else 'other'
    end
{%- endmacro %}
