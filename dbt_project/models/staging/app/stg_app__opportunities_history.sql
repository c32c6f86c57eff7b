with

source as (select * from {{ source('app_history', 'opportunities') }}),

renamed as (
    select
        ---------- ids
        id as opportunity_id,
        client_id,
        org_unit_id,
        location_id,
        job_architecture_id,
        hiring_manager_id,
        recruiter_id as recruiter_user_id,

        ---------- text and enums
        kind as opportunity_kind,
        title,
        status,
        trim(budget_currency) as budget_currency,
        requisition_code,
        close_reason,

        ---------- lists and documents
        attributes,

        ---------- numbers
        cast(openings as integer) as openings,
        hours_per_week,
        budget_amount,

        ---------- dates
        starts_on,
        ends_on,

        ---------- timestamps
        approved_at,
        opened_at,
        filled_at,
        closed_at,
        created_at,
        updated_at,
        deleted_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
