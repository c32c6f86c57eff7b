{%- set app_tables = [
    'application_stage_events', 'applications', 'assignments', 'audit_log_raw', 'clients',
    'consents', 'erasure_requests', 'interviews', 'job_architecture', 'locations',
    'match_feedback', 'match_impressions', 'match_recommendations', 'member_skills', 'members',
    'mentorships', 'model_versions', 'notifications', 'opportunities',
    'opportunity_hiring_team', 'opportunity_skills', 'org_units', 'recommendation_requests',
    'reject_reasons', 'saved_items', 'scorecards', 'skill_endorsements', 'skill_relations',
    'skills', 'stages', 'users'
] -%}
{%- set event_tables = [
    'aliases', 'application_stage_changed', 'application_started', 'application_submitted',
    'application_withdrawn', 'candidate_contacted', 'candidate_shortlisted', 'consent_granted',
    'consent_withdrawn', 'feedback_submitted', 'groups', 'identifies', 'mentorship_accepted',
    'mentorship_requested', 'notification_clicked', 'notification_opened', 'notification_sent',
    'opportunity_closed', 'opportunity_created', 'opportunity_published', 'opportunity_shared',
    'opportunity_viewed', 'pages', 'profile_completed', 'recommendation_clicked',
    'recommendation_dismissed', 'recommendation_list_viewed', 'recommendation_saved',
    'recommendation_viewed', 'screens', 'search_performed', 'search_result_clicked',
    'skill_added', 'skill_endorsed', 'skill_removed', 'skill_suggestion_accepted',
    'skill_suggestion_rejected', 'tracks', 'users'
] -%}
with

app_relations as (      -- one row per replicated table
    {% for table in app_tables -%}
    select
        'raw_app.{{ table }}' as relation,
        'postgres' as door,
        (select count(*) from {{ source('app', table) }}) as row_count,
        count(*) as change_count,
        max(_commit_at) as newest_change_at
    from {{ source('app_history', table) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

event_relations as (      -- one row per event table
    {% for table in event_tables -%}
    select
        'raw_segment.{{ table }}' as relation,
        'events' as door,
        count(*) as row_count,
        count(*) as change_count,
        max({{ 'received_at' if table == 'users' else 'timestamp' }}) as newest_change_at
    from {{ source('segment', table) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

relations as (
    select * from app_relations
    union all
    select * from event_relations
)

select * from relations
