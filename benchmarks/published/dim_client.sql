-- One row per client.
select
    k + 1 as client_id,
    'client-' || (k + 1) as client_slug,
    'Client ' || (k + 1) as client_name,
    one_of(['Banking', 'Insurance', 'Retail', 'Manufacturing', 'Software', 'Health', 'Energy', 'Public'], k, 1) as industry,
    one_of(['us', 'eu', 'ap'], k, 2) as region,
    one_of(['core', 'growth', 'enterprise'], k, 3) as plan,
    one_of(['us', 'eu', 'ap'], k, 2) as data_residency,
    one_of(['America/New_York', 'Europe/Berlin', 'Asia/Singapore'], k, 2) as time_zone,
    member_id_of(k, 1) - member_id_of(k, 0) as licensed_seats,
    noise(k, 4) < 0.05 as is_ml_opted_out,
    true as is_active,
    cast(moment(0) as date) as contract_starts_on,
    null as contract_ends_on,
    moment(0) as created_at
from (select range as k from range(client_count()))
