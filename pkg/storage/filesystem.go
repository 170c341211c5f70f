package storage

import corev1 "k8s.io/api/core/v1"

const (
	filesystemVolume = "registry-storage"
	filesystemRoot   = "/registry"
)

// FilesystemSettings are the settings of a registry that keeps its content in a volume.
func FilesystemSettings(source corev1.VolumeSource) Settings {
	return Settings{
		Env: []EnvVar{
			{Name: "REGISTRY_STORAGE", Value: "filesystem"},
			{Name: "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", Value: filesystemRoot},
		},
		Volumes: []corev1.Volume{{Name: filesystemVolume, VolumeSource: source}},
		Mounts:  []corev1.VolumeMount{{Name: filesystemVolume, MountPath: filesystemRoot}},
	}
}
