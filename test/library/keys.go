package library

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// AddS3Key gives the cluster's S3 account one more access key.
func (c *Cluster) AddS3Key(ctx context.Context, id, secret string) error {
	_, err := c.s3Admin(ctx, http.MethodPut, "/keys/"+id, []byte(secret))
	return err
}

// RemoveS3Key makes an access key unknown to the S3 server.
func (c *Cluster) RemoveS3Key(ctx context.Context, id string) error {
	_, err := c.s3Admin(ctx, http.MethodDelete, "/keys/"+id, nil)
	return err
}

// AddS3Role gives the account a role that the service accounts, each as namespace:name, may assume with their tokens.
func (c *Cluster) AddS3Role(ctx context.Context, arn string, serviceAccounts ...string) error {
	role := struct {
		ARN      string   `json:"arn"`
		Subjects []string `json:"subjects"`
	}{ARN: arn}
	for _, account := range serviceAccounts {
		role.Subjects = append(role.Subjects, "system:serviceaccount:"+account)
	}
	body, err := json.Marshal(role)
	if err != nil {
		return err
	}
	_, err = c.s3Admin(ctx, http.MethodPut, "/roles", body)
	return err
}

// RemoveS3Role withdraws a role; its sessions end.
func (c *Cluster) RemoveS3Role(ctx context.Context, arn string) error {
	_, err := c.s3Admin(ctx, http.MethodDelete, "/roles?arn="+url.QueryEscape(arn), nil)
	return err
}
