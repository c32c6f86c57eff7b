"""What models, dashboards and training sets cost, who reads them, how they grow: noted at the end of each build."""
