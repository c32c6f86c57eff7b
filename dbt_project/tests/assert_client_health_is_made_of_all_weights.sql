-- The weights of client health sum to 1, each names a component of the fact and each such component has one; scores lie in 0 to 100.
with

weights as (select * from {{ ref('client_health_weights') }}),

components as (select distinct component from {{ ref('fct_client_health_week') }})

select 'sum' as broken
from weights
having abs(sum(weight) - 1) > 1e-9
union all
select components.component as broken
from components
left join weights on components.component = weights.component
where weights.component is null
union all
select cast(week_starts_on as {{ type_name('text') }}) as broken
from {{ ref('rpt_client_health_weekly') }}
where health_score < 0 or health_score > 100 or known_weight > 1 + 1e-9
