# Who reaches what: the load balancer the collector, and nobody anything else. Operators come by Session Manager and
# forward a port (3070 Dagster, 3071 site): neither knows a login of its own.
resource "aws_security_group" "flux" {
  name        = "flux"
  description = "The instance of Flux"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "collector" {
  security_group_id            = aws_security_group.flux.id
  referenced_security_group_id = var.load_balancer_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 8675
  to_port                      = 8675
  description                  = "Segment calls, TLS ended at the load balancer"
}

resource "aws_vpc_security_group_egress_rule" "source" {
  security_group_id            = aws_security_group.flux.id
  referenced_security_group_id = var.source_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  description                  = "The product's Postgres"
}

resource "aws_vpc_security_group_egress_rule" "storage" {
  security_group_id            = aws_security_group.flux.id
  referenced_security_group_id = aws_security_group.dagster.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  description                  = "Dagster's storage"
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.flux.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "ECR, Secrets Manager, CloudWatch, alerts"
}

resource "aws_vpc_security_group_ingress_rule" "source" {
  security_group_id            = var.source_security_group_id
  referenced_security_group_id = aws_security_group.flux.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  description                  = "Replication by Flux"
}

resource "aws_security_group" "dagster" {
  name        = "flux-dagster"
  description = "Dagster's storage"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "dagster" {
  security_group_id            = aws_security_group.dagster.id
  referenced_security_group_id = aws_security_group.flux.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  description                  = "Flux alone"
}
