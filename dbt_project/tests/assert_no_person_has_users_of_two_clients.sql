-- Tenant isolation of identities: user ids that are one person never name different clients.
select
    users.source,
    users.person_user_id
from {{ ref('int_identity_users') }} as users
inner join {{ ref('int_identity_ties') }} as ties
    on users.source = ties.source and users.user_id = ties.user_id
group by users.source, users.person_user_id
having
    count(distinct users.user_id) > 1
    and min(ties.least_client_id) <> max(ties.greatest_client_id)
