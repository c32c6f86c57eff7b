-- Seconds of models, seeds and tests equal those by relation, day by day: a test that two relations claim would count twice.
with

noted as (
    select
        ran_on,
        sum(seconds) as seconds
    from {{ ref('stg_flux__run_costs') }}
    where kind in ('model', 'seed', 'test')
    group by ran_on
),

told as (
    select
        ran_on,
        sum(cost_seconds) as seconds
    from {{ ref('rpt_model_costs') }}
    group by ran_on
)

select
    noted.ran_on,
    noted.seconds as noted_seconds,
    told.seconds as told_seconds
from noted
left join told on noted.ran_on = told.ran_on
where told.seconds is null or abs(noted.seconds - told.seconds) > 0.001
