with

clients as (select * from {{ ref('stg_app__clients') }}),

zoned as (
    select
        client_id,
        client_slug,
        client_name,
        coalesce({{ json_member('settings', 'timezone') }}, 'UTC') as time_zone,
        cast({{ json_member('settings', 'licensed_seats') }} as bigint) as licensed_seats
    from clients
)

select * from zoned
