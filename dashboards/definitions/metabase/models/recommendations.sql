select
    recommendations.recommendation_id,
    clients.client_name,
    clients.industry,
    clients.region,
    recommendations.channel,
    recommendations.surface,
    recommendations.experiment_key,
    recommendations.variant,
    recommendations.model_version_id,
    recommendations.rank,
    recommendations.score,
    recommendations.is_exploration,
    recommendations.is_viewed,
    recommendations.is_clicked,
    recommendations.is_dismissed,
    recommendations.is_accepted,
    recommendations.is_acceptance_mature,
    recommendations.requested_on,
    recommendations.viewed_week_starts_on
from {{ ref('fct_recommendations') }} as recommendations
inner join {{ ref('dim_client') }} as clients on recommendations.client_id = clients.client_id
