-- One row per version of the matching engine; each is the newest for a quarter.
select
    v as model_version_id,
    'match' as model_name,
    v || '.0' as version,
    'match ' || v || '.0' as model_label,
    hex(hash(v)) as training_dataset_id,
    v >= 7 as is_live,
    moment((v - 1) / 8) as deployed_at,
    case when v < 7 then moment((v + 1) / 8) end as retired_at
from (select range as v from range(1, 9))
