-- Demographics stay in their own schema, whatever a model selects.
select
    table_schema,
    table_name,
    column_name
from ({{ columns_of_all() }}) as known
where
    table_schema in ('staging', 'intermediate', 'marts', 'reporting', 'ml')
    and column_name in ('sex', 'race_ethnicity', 'age_band', 'disability', 'veteran')
-- depends on: {{ ref('rpt_overview_weekly') }}, {{ ref('ml_match_examples_v2') }}
