with

clients as (select * from {{ ref('stg_app__clients') }}),

zoned_clients as (select * from {{ ref('int_clients_zoned') }}),

final as (
    select
        clients.client_id,
        clients.client_slug,
        clients.client_name,
        clients.industry,
        clients.region,
        clients.plan,
        clients.data_residency,
        zoned_clients.time_zone,
        zoned_clients.licensed_seats,
        clients.is_ml_opted_out,
        clients.deleted_at is null
        and clients.contract_starts_on <= {{ tenant_day(cut_at(), 'zoned_clients.time_zone') }}
        and (
            clients.contract_ends_on is null
            or clients.contract_ends_on >= {{ tenant_day(cut_at(), 'zoned_clients.time_zone') }}
        ) as is_active,
        clients.contract_starts_on,
        clients.contract_ends_on,
        clients.created_at
    from clients
    inner join zoned_clients on clients.client_id = zoned_clients.client_id
)

select * from final
