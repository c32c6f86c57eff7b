"""Every dbt model as an asset, every dbt test as its check."""
