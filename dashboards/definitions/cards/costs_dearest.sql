-- One row per relation: seconds of its builds and tests in the newest seven days with builds, the ten dearest.
with

model_costs as (select * from {{ ref('rpt_model_costs') }}),

newest as (
    select max(ran_on) as ran_on
    from model_costs
)

select
    substr(model_costs.relation, strpos(model_costs.relation, '.') + 1) as relation,
    sum(model_costs.cost_seconds) as cost_seconds
from model_costs
inner join newest on model_costs.ran_on > newest.ran_on - 7
group by model_costs.relation
order by cost_seconds desc, model_costs.relation
limit 10
