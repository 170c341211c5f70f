package s3

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestOurRuleIsIntactOnlyForEverything(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*types.LifecycleRule)
		want   bool
	}{
		"as we wrote it":  {func(*types.LifecycleRule) {}, true},
		"an empty filter": {func(r *types.LifecycleRule) { r.Filter = &types.LifecycleRuleFilter{} }, true},
		"another prefix":  {func(r *types.LifecycleRule) { r.Filter.Prefix = aws.String("tmp/") }, false},
		"a tag":           {func(r *types.LifecycleRule) { r.Filter.Tag = &types.Tag{} }, false},
		"large objects":   {func(r *types.LifecycleRule) { r.Filter.ObjectSizeGreaterThan = aws.Int64(1) }, false},
		"small objects":   {func(r *types.LifecycleRule) { r.Filter.ObjectSizeLessThan = aws.Int64(9) }, false},
		"several conditions": {func(r *types.LifecycleRule) {
			r.Filter = &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{}}
		}, false},
		"the old form":              {func(r *types.LifecycleRule) { r.Filter = nil }, false},
		"switched off":              {func(r *types.LifecycleRule) { r.Status = types.ExpirationStatusDisabled }, false},
		"after a week":              {func(r *types.LifecycleRule) { r.AbortIncompleteMultipartUpload.DaysAfterInitiation = aws.Int32(7) }, false},
		"nothing about uploads":     {func(r *types.LifecycleRule) { r.AbortIncompleteMultipartUpload = nil }, false},
		"a rule of somebody else's": {func(r *types.LifecycleRule) { r.ID = aws.String("theirs") }, false},
	} {
		rule := types.LifecycleRule{
			ID: aws.String(lifecycleRule), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
		}
		c.change(&rule)
		if cleansUp(rule) != c.want {
			t.Errorf("%s: intact is %t", name, !c.want)
		}
	}
}
