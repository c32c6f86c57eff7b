variable "region" {
  type        = string
  description = "Region of the product's database."
}

variable "availability_zone" {
  type        = string
  description = "Zone of the instance and of its volumes: an EBS volume is in one."
}

variable "vpc_id" {
  type        = string
  description = "VPC of the product's database."
}

variable "subnet_id" {
  type        = string
  description = "Private subnet in that zone, with a way to ECR, Secrets Manager and CloudWatch (NAT or endpoints)."
}

variable "load_balancer_security_group_id" {
  type        = string
  description = "Security group of the load balancer that ends TLS in front of the collector."
}

variable "source_security_group_id" {
  type        = string
  description = "Security group of the product's RDS instance, which lets the instance of Flux in."
}

variable "image" {
  type        = string
  description = "Image of Flux by digest: ACCOUNT.dkr.ecr.REGION.amazonaws.com/flux@sha256:..."

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest, so that a restart runs what was tested."
  }
}

variable "ami_id" {
  type        = string
  description = "ECS-optimised Amazon Linux 2023, pinned; 'aws ssm get-parameters' names the newest."
}

variable "instance_type" {
  type        = string
  default     = "m7i.xlarge"
  description = "Not measured on AWS: docs/replication.md, Sizing."
}

variable "log_gib" {
  type        = number
  default     = 200
  description = "Volume of the log alone, so that a full warehouse never stops capture: docs/replication.md, Sizing."
}

variable "home_gib" {
  type        = number
  default     = 500
  description = "Volume of everything else: warehouse, published copy, training sets."
}

variable "snapshots_kept" {
  type        = number
  default     = 28
  description = "Snapshots of both volumes that are kept, four a day."
}

variable "dagster_subnet_ids" {
  type        = list(string)
  description = "Private subnets in two zones, which RDS wants for Dagster's storage."
}
