-- Nobody is credited, advances or is hired who did not apply; nobody is a negative who applied in time; kinds of negatives are known when 14 days have passed.
select
    example_id,
    negative_kind
from {{ ref('ml_match_labels') }}
where
    (not label_apply_14d and (is_apply_attributed or label_advance_30d or label_hired_90d))
    or (is_apply_attributed is null) <> (label_apply_14d is null)
    or (negative_kind is not null and label_apply_14d is null)
    or (advance_30d_known_at < apply_14d_known_at)
    or (hired_90d_known_at < apply_14d_known_at)
