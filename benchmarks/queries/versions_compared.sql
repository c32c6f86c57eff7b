-- Is the newer model better, or was it only shown in better places, to better clients? All clients, all time,
-- from each single impression on: clicks of each version beside what the same places, channels and kinds of
-- opportunity gave under all versions (direct standardisation), by client, industry and quarter; where the
-- overall winner loses; what it did to hires.
with

clients as (select * from marts.dim_client),

model_versions as (select * from marts.dim_model_version),

impressions as (
    select *
    from marts.fct_impressions
    where is_click_mature
),

applications as (select * from marts.fct_applications),

members as (
    select *
    from marts.dim_member
    where is_current and is_employed
),

opportunities as (
    select *
    from marts.dim_opportunity
    where is_current
),

quarterly as (      -- one row per client, quarter, version, channel, position and kind
    select
        impressions.client_id,
        date_trunc('quarter', impressions.week_starts_on) as quarter_starts_on,
        impressions.model_version_id,
        impressions.channel,
        impressions.position,
        opportunities.opportunity_kind,
        count(*) as impression_count,
        count(*) filter (where impressions.is_clicked) as clicked_count
    from impressions
    inner join opportunities on impressions.opportunity_id = opportunities.opportunity_id
    group by all
),

places as (      -- one row per channel, position and kind: what the place gives, whichever version ranked
    select
        channel,
        position,
        opportunity_kind,
        sum(clicked_count) / sum(impression_count) as place_rate
    from quarterly
    group by all
),

standardised as (      -- one row per client, quarter and version
    select
        quarterly.client_id,
        quarterly.quarter_starts_on,
        quarterly.model_version_id,
        sum(quarterly.impression_count) as impression_count,
        sum(quarterly.clicked_count) as clicked_count,
        sum(quarterly.impression_count * places.place_rate) as expected_count
    from quarterly
    inner join places
        on
            quarterly.channel = places.channel
            and quarterly.position = places.position
            and quarterly.opportunity_kind = places.opportunity_kind
    group by all
),

by_client as (      -- one row per client and version, over all quarters
    select
        client_id,
        model_version_id,
        sum(impression_count) as impression_count,
        sum(clicked_count) as clicked_count,
        sum(expected_count) as expected_count,
        sum(clicked_count) / nullif(sum(expected_count), 0) as click_index,
        row_number() over (
            partition by client_id
            order by sum(clicked_count) / nullif(sum(expected_count), 0) desc nulls last
        ) as place_at_client
    from standardised
    group by client_id, model_version_id
    having sum(impression_count) >= 100
),

by_version as (      -- one row per version: pooled, and among the clients that saw it
    select
        model_version_id,
        sum(impression_count) as impression_count,
        sum(clicked_count) as clicked_count,
        sum(clicked_count) / sum(impression_count) as raw_rate,
        sum(clicked_count) / nullif(sum(expected_count), 0) as click_index,
        count(*) as client_count,
        count(*) filter (where place_at_client = 1) as clients_won,
        quantile_cont(click_index, 0.1) as worst_clients_index,
        quantile_cont(click_index, 0.9) as best_clients_index,
        sqrt(sum(clicked_count)) / nullif(sum(expected_count), 0) as standard_error
    from by_client
    group by model_version_id
),

by_industry as (      -- one row per version and industry
    select
        clients.industry,
        by_client.model_version_id,
        sum(by_client.impression_count) as impression_count,
        sum(by_client.clicked_count) / nullif(sum(by_client.expected_count), 0) as click_index
    from by_client
    inner join clients on by_client.client_id = clients.client_id
    group by all
),

industry_extremes as (      -- one row per version: where it does best and worst
    select
        model_version_id,
        arg_max(industry, click_index) as best_industry,
        max(click_index) as best_industry_index,
        arg_min(industry, click_index) as worst_industry,
        min(click_index) as worst_industry_index
    from by_industry
    group by model_version_id
),

quarters as (      -- one row per version and quarter: does it wear out?
    select
        model_version_id,
        quarter_starts_on,
        sum(clicked_count) / nullif(sum(expected_count), 0) as click_index,
        row_number() over (partition by model_version_id order by quarter_starts_on) as quarter_number
    from standardised
    group by model_version_id, quarter_starts_on
),

wear as (      -- one row per version
    select
        model_version_id,
        max(click_index) filter (where quarter_number = 1) as first_quarter_index,
        arg_max(click_index, quarter_starts_on) as last_quarter_index,
        regr_slope(click_index, quarter_number) as index_a_quarter
    from quarters
    group by model_version_id
),

headcounts as (      -- one row per client
    select
        client_id,
        count(*) as member_count
    from members
    group by client_id
),

outcomes as (      -- one row per client: what people applied for on a recommendation
    select
        client_id,
        count(*) as application_count,
        count(*) filter (where recommendation_id is not null) as recommended_count,
        count(*) filter (where is_hired) as hire_count,
        count(*) filter (where is_hired and recommendation_id is not null) as recommended_hire_count,
        count(*) filter (where not is_open and recommendation_id is not null) as recommended_decided_count
    from applications
    group by client_id
),

outcomes_by_version as (      -- one row per version: of the clients where it is the best
    select
        by_client.model_version_id,
        sum(outcomes.recommended_count) / nullif(sum(outcomes.application_count), 0) as recommended_share,
        sum(outcomes.recommended_hire_count) / nullif(sum(outcomes.recommended_decided_count), 0)
            as hire_rate,
        1000 * sum(outcomes.hire_count) / nullif(sum(headcounts.member_count), 0) as hires_per_1000_members
    from by_client
    inner join outcomes on by_client.client_id = outcomes.client_id
    inner join headcounts on by_client.client_id = headcounts.client_id
    where by_client.place_at_client = 1
    group by by_client.model_version_id
),

final as (
    select
        model_versions.model_label,
        model_versions.is_live,
        by_version.impression_count,
        by_version.clicked_count,
        round(by_version.raw_rate, 5) as raw_rate,
        round(by_version.click_index, 4) as click_index,
        round(1.96 * by_version.standard_error, 4) as half_interval,
        by_version.click_index
        - lag(by_version.click_index) over (order by model_versions.deployed_at) as step,
        rank() over (order by by_version.raw_rate desc) as raw_rank,
        rank() over (order by by_version.click_index desc) as standardised_rank,
        by_version.client_count,
        by_version.clients_won,
        round(by_version.worst_clients_index, 4) as worst_clients_index,
        round(by_version.best_clients_index, 4) as best_clients_index,
        industry_extremes.best_industry,
        industry_extremes.worst_industry,
        round(industry_extremes.best_industry_index - industry_extremes.worst_industry_index, 4)
            as industry_spread,
        round(wear.index_a_quarter, 4) as index_a_quarter,
        round(wear.last_quarter_index - wear.first_quarter_index, 4) as wear,
        round(outcomes_by_version.recommended_share, 4) as recommended_share,
        round(outcomes_by_version.hire_rate, 4) as hire_rate,
        round(outcomes_by_version.hires_per_1000_members, 1) as hires_per_1000_members
    from by_version
    inner join model_versions on by_version.model_version_id = model_versions.model_version_id
    inner join industry_extremes on by_version.model_version_id = industry_extremes.model_version_id
    left join wear on by_version.model_version_id = wear.model_version_id
    left join outcomes_by_version on by_version.model_version_id = outcomes_by_version.model_version_id
)

select *
from final
order by standardised_rank, model_label
