# What surrounds Flux on AWS. Not applied where Flux is made: there is no AWS there. tests/deploy reads the syntax
# (python-hcl2) and holds each reference against what is declared; 'terraform validate' wants the provider, which is
# fetched from the internet: run it first, then 'terraform plan'.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      service = "flux"
    }
  }
}
