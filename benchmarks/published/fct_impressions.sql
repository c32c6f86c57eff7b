-- One row per impression.
with

shown as (
    select
        i,
        client_of(i, impression_count()) as k,
        age_of(i, impression_count()) as t,
        moment(t) as shown_at,
        1 + cast(floor(10 * pow(noise(i, 60), 1.6)) as integer) as position,
        1 + greatest(cast(floor(8 * t) as integer) - cast(noise(i // 6, 61) < 0.3 as integer), 0) as v,
        -- Better versions and higher places are clicked more.
        noise(i, 62) < 0.2 * (0.7 + 0.06 * v) / pow(position, 0.8) as is_clicked
    from numbers
    where i < impression_count()
)

select
    row_id(i, impression_count()) as impression_id,
    k + 1 as client_id,
    row_id(i * 5 // 8, impression_count()) as recommendation_id,
    hex(hash(i // 6)) || '-4-8' || hex(hash(i // 6, 1)) as request_id,
    member_id_of(k, pow(noise(i // 6, 63), 1.5)) as member_id,
    opportunity_id_of(k, t, noise(i, 64)) as opportunity_id,
    v as model_version_id,
    one_of(['homepage', 'homepage', 'homepage', 'search', 'search', 'email_digest', 'similar', 'manager_suggested'], i // 6, 65)
        as channel,
    position,
    1000 + cast(floor(9000 * noise(i, 66)) as integer) as viewport_ms,
    round(1 / (1 + position / 3.0), 3) as propensity,
    noise(i, 67) < 0.1 as is_exploration,
    is_clicked,
    t < 0.998 as is_click_mature,
    cast(shown_at as date) as shown_on,
    cast(date_trunc('week', shown_at) as date) as week_starts_on,
    shown_at,
    case when is_clicked then shown_at + to_seconds(cast(floor(3600 * noise(i, 68)) as bigint)) end as clicked_at
from shown
