# The monitors and the dashboard of this directory in a Datadog account. Not applied anywhere by its makers.
terraform {
  required_providers {
    datadog = {
      source = "DataDog/datadog"
    }
  }
}

variable "notify" {
  description = "Whom the monitors tell, in Datadog's form: @slack-channel, @pagerduty-service"
  type        = string
  default     = ""
}

locals {
  monitors = { for monitor in jsondecode(file("${path.module}/datadog_monitors.json")) : monitor.name => monitor }
}

resource "datadog_monitor" "flux" {
  for_each = local.monitors

  name              = each.value.name
  type              = each.value.type
  query             = each.value.query
  message           = "${each.value.message} ${var.notify}"
  tags              = each.value.tags
  priority          = each.value.priority
  notify_no_data    = each.value.options.notify_no_data
  no_data_timeframe = try(each.value.options.no_data_timeframe, null)
  include_tags      = each.value.options.include_tags

  monitor_thresholds {
    critical = each.value.options.thresholds.critical
  }
}

resource "datadog_dashboard_json" "flux" {
  dashboard = file("${path.module}/datadog_dashboard.json")
}
